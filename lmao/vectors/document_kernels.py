"""The compiled loop of `vectors=document`: pairs of a document and an n-gram come in, both vectors are moved.

Inner loops run from 0 over a slice, as in `lmao.engine.kernels`, so that they become vector instructions.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lmao.engine.kernels import FAST

AHEAD = 2  # pairs whose rows are on their way to the processor while one is computed
LINE = 64  # bytes that memory sends at once


def _compiled(signature: str) -> Any:
    return numba.njit(signature, nogil=True, cache=True, fastmath=FAST, error_model="numpy")


@intrinsic
def _prefetch(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, *[ir.IntType(32)] * 3])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        flags = [ir.Constant(ir.IntType(32), flag) for flag in (1, 3, 1)]  # to write, keep, data
        builder.call(function, [builder.inttoptr(arguments[0], byte), *flags])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@_compiled("void(f4[:,::1], i8)")
def prefetch(rows: Any, row: Any) -> None:
    """Ask for a row that will soon be needed; -1 for none."""
    if row >= 0:
        start = rows.ctypes.data + row * rows.shape[1] * 4
        for at in range(0, rows.shape[1] * 4, LINE):
            _prefetch(start + at)


@_compiled("u8(u8)")
def _mix(z: Any) -> Any:
    """SplitMix64's output (Steele et al. 2014) for a state that goes up by a constant."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_compiled("f4(u8)")
def _share(bits: Any) -> Any:
    """A number in [0, 1) from the lower half of 64 random bits."""
    return np.float32(bits & np.uint64(0xFFFFFF)) * np.float32(1 / (1 << 24))


@_compiled("void(f4[::1], f4[:,::1], i4[::1], f4, f4, f4[::1])")
def step(document: Any, rows: Any, targets: Any, alpha: Any, rate: Any, change: Any) -> None:
    """One step up the gradient of log s(alpha cos(d, t_0)) + sum over k > 0 of log s(-alpha cos(d, t_k)), s: sigmoid.

    document (dims,) and the rows (n, dims) of the targets (1 + negatives,) are moved; a target of -1 is left out;
    change (dims,) is scratch. The gradient of cos(d, t) by t is (d / |d| - cos t / |t|) / |t|.
    """
    dims = document.shape[0]
    square = np.float32(0)
    for o in range(dims):
        square += document[o] * document[o]
        change[o] = np.float32(0)
    along = np.float32(0)
    for k in range(targets.shape[0]):
        if targets[k] < 0:
            continue
        row = rows[targets[k]]
        dot = np.float32(0)
        own = np.float32(0)
        for o in range(dims):
            dot += document[o] * row[o]
            own += row[o] * row[o]
        inverse = np.float32(1) / np.sqrt(square * own)
        cosine = dot * inverse
        wanted = np.float32(1) if k == 0 else np.float32(0)
        error = (wanted - np.float32(1) / (np.float32(1) + np.exp(-alpha * cosine))) * alpha * rate
        across = error * inverse
        shrink = np.float32(1) - error * cosine / own
        along += error * cosine
        for o in range(dims):
            value = row[o]
            change[o] += across * value
            row[o] = shrink * value + across * document[o]
    keep = np.float32(1) - along / square
    for o in range(dims):
        document[o] = keep * document[o] + change[o]


@_compiled("i8(i8, i8[::1], i4[:,::1], f4[::1], f4[::1], i4[::1], u8, i4[:,::1])")
def draw(d: Any, offsets: Any, ngrams: Any, keep: Any, threshold: Any, alias: Any, key: Any, targets: Any) -> Any:
    """Fill targets (pairs, 1 + negatives) with a document's kept n-grams and negatives; returns how many."""
    state = _mix(key + np.uint64(d))
    count = np.uint64(threshold.shape[0])
    pairs = 0
    for i in range(offsets[d], offsets[d + 1]):
        for n in range(ngrams.shape[0]):
            own = ngrams[n, i]
            if own < 0:
                continue
            state += np.uint64(0x9E3779B97F4A7C15)
            if _share(_mix(state)) >= keep[own]:
                continue
            targets[pairs, 0] = own
            for k in range(1, targets.shape[1]):
                state += np.uint64(0x9E3779B97F4A7C15)
                bits = _mix(state)
                drawn = np.int64(((bits >> np.uint64(32)) * count) >> np.uint64(32))
                drawn = drawn if _share(bits) < threshold[drawn] else np.int64(alias[drawn])
                targets[pairs, k] = -1 if drawn == own else drawn
            pairs += 1
    return pairs


@_compiled("i8(i8[::1], i8[::1], i4[:,::1], f4[::1], f4[::1], i4[::1], f4[:,::1], f4[:,::1], i8, f4, f4, u8)")
def train(
    order: Any, offsets: Any, ngrams: Any, keep: Any, threshold: Any, alias: Any, documents: Any, rows: Any,
    negatives: Any, alpha: Any, rate: Any, key: Any,
) -> Any:  # fmt: skip
    """A step for each n-gram of the documents in `order` that is kept; returns how many.

    ngrams (kinds, tokens) are rows or -1; a document's are from offsets[d] to offsets[d + 1]. An n-gram is kept with
    probability keep[row]. Negatives are drawn by the alias method (Walker 1977) from threshold and alias.
    """
    change = np.empty(documents.shape[1], dtype=np.float32)
    most = np.int64(0)
    for d in order:
        most = max(most, offsets[d + 1] - offsets[d])
    targets = np.empty((most * ngrams.shape[0], 1 + negatives), dtype=np.int32)
    pairs = 0
    for d in order:
        drawn = draw(d, offsets, ngrams, keep, threshold, alias, key, targets)
        for i in range(drawn):
            if i + AHEAD < drawn:
                for k in range(1 + negatives):
                    prefetch(rows, targets[i + AHEAD, k])
            step(documents[d], rows, targets[i], alpha, rate, change)
        pairs += drawn
    return pairs


@_compiled("void(f8[::1], f4[::1], i4[::1])")
def alias_table(scaled: Any, threshold: Any, alias: Any) -> None:
    """Fill threshold and alias (n,) for draws in proportion to `scaled` (n,), whose mean is 1; overwrites it."""
    size = scaled.shape[0]
    small = np.empty(size, dtype=np.int64)
    large = np.empty(size, dtype=np.int64)
    smalls = larges = 0
    for i in range(size):
        threshold[i] = np.float32(1)
        alias[i] = i
        if scaled[i] < 1:
            small[smalls] = i
            smalls += 1
        else:
            large[larges] = i
            larges += 1
    while smalls and larges:
        smalls -= 1
        under, over = small[smalls], large[larges - 1]
        threshold[under] = scaled[under]
        alias[under] = over
        scaled[over] -= 1 - scaled[under]
        if scaled[over] < 1:
            larges -= 1
            small[smalls] = over
            smalls += 1


@_compiled("void(i4[::1], i4[::1], i8[::1], i8, i8[::1], i4[::1], i4[::1])")
def join(first: Any, words: Any, offsets: Any, n: Any, begins: Any, lasts: Any, found: Any) -> None:
    """The n-gram that begins at each token, or -1, into found (tokens,).

    first (tokens,): the (n-1)-gram that begins there; words (tokens,); -1 for those that are unknown. The known n-grams
    that begin with the (n-1)-gram a are those from begins[a] to begins[a + 1], ascending by their last words, `lasts`.
    """
    for d in range(offsets.shape[0] - 1):
        for i in range(offsets[d], offsets[d + 1]):
            found[i] = -1
            end = i + n - 1
            if end >= offsets[d + 1] or first[i] < 0 or words[end] < 0:
                continue
            low, high = begins[first[i]], begins[first[i] + 1]
            last = high
            while low < high:
                middle = (low + high) // 2
                if lasts[middle] < words[end]:
                    low = middle + 1
                else:
                    high = middle
            if low < last and lasts[low] == words[end]:
                found[i] = low
