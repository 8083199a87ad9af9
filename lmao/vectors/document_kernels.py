"""The compiled loop of `vectors=document`: pairs of a document and an n-gram come in, both vectors are updated."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lmao.engine.compiling import (
    Bits,
    Doubles1d,
    Float,
    Floats1d,
    Floats2d,
    Ids1d,
    Ids2d,
    Integer,
    Ints1d,
    kernel,
)
from lmao.engine.splitmix import STEP, mix_one

AHEAD = 2  # a pair's rows are prefetched while this many pairs before it are still to be computed
LINE = 64  # bytes in a cache line


# With it training does 1.64 times the pairs a second (median of 11 rounds in turn, 1.47 to 2.01): 399,000 against
# 241,000, on 25,000 reviews of IMDB, whose 178,625 rows of 96 dimensions are far more than the caches hold.
@intrinsic  # type: ignore[untyped-decorator]
def _prefetch(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, *[ir.IntType(32)] * 3])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        flags = [ir.Constant(ir.IntType(32), flag) for flag in (1, 3, 1)]  # to write, keep, data
        builder.call(function, [builder.inttoptr(arguments[0], byte), *flags])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@kernel
def prefetch(rows: Floats2d, row: Integer) -> None:
    """Ask for a row that will soon be needed; -1 for none."""
    if row >= 0:
        start = rows.ctypes.data + row * rows.shape[1] * 4
        for at in range(0, rows.shape[1] * 4, LINE):
            _prefetch(start + at)


@kernel
def _share(bits: Bits) -> Float:
    """A number in [0, 1) from the lower half of 64 random bits."""
    return np.float32(bits & np.uint64(0xFFFFFF)) * np.float32(1 / (1 << 24))


@kernel
def step(
    document: Floats1d,  # (dims,) updated
    rows: Floats2d,  # (n-grams, dims) the targets' are updated
    targets: Ids1d,  # (1 + negatives,) into rows; -1 is left out
    alpha: Float,
    rate: Float,
    change: Floats1d,  # (dims,) scratch
) -> None:
    """One step up the gradient of log s(alpha cos(d, t_0)) + sum over k > 0 of log s(-alpha cos(d, t_k)), s: sigmoid.

    The gradient of cos(d, t) by t is (d / |d| - cos t / |t|) / |t|.
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


@kernel
def draw(
    d: Integer,  # the document
    offsets: Ints1d,  # (documents + 1,)
    ngrams: Ids2d,  # (kinds, tokens)
    keep: Floats1d,  # (n-grams,)
    threshold: Floats1d,  # (n-grams,)
    alias: Ids1d,  # (n-grams,)
    key: Bits,
    targets: Ids2d,  # (pairs or more, 1 + negatives) written
) -> Integer:
    """Fill targets with a document's kept n-grams and their negatives; returns how many pairs. See `train`."""
    state = mix_one(key + np.uint64(d))
    count = np.uint64(threshold.shape[0])
    pairs = 0
    for i in range(offsets[d], offsets[d + 1]):
        for n in range(ngrams.shape[0]):
            own = ngrams[n, i]
            if own < 0:
                continue
            state += STEP
            if _share(mix_one(state)) >= keep[own]:
                continue
            targets[pairs, 0] = own
            for k in range(1, targets.shape[1]):
                state += STEP
                bits = mix_one(state)
                drawn = np.int64(((bits >> np.uint64(32)) * count) >> np.uint64(32))
                drawn = drawn if _share(bits) < threshold[drawn] else np.int64(alias[drawn])
                targets[pairs, k] = -1 if drawn == own else drawn
            pairs += 1
    return pairs


@kernel
def train(
    order: Ints1d,  # (some,) documents, one after the other
    offsets: Ints1d,  # (documents + 1,) where each begins among the tokens
    ngrams: Ids2d,  # (kinds, tokens) the n-grams that begin at each token as rows, -1 for none
    keep: Floats1d,  # (n-grams,) the probability that one is trained on
    threshold: Floats1d,  # (n-grams,) as the next one: negatives by the alias method (Walker 1977)
    alias: Ids1d,  # (n-grams,)
    documents: Floats2d,  # (documents, dims) updated
    rows: Floats2d,  # (n-grams, dims) updated
    negatives: Integer,
    alpha: Float,
    rate: Float,
    key: Bits,
) -> Integer:
    """A step for each n-gram of the documents in `order` that is kept; returns how many."""
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


@kernel
def alias_table(scaled: Doubles1d, threshold: Floats1d, alias: Ids1d) -> None:
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
