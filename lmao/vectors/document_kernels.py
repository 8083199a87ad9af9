"""The compiled loops of `vectors=document`: pairs of a document and an n-gram come in, both vectors are updated.

Rows of n-grams lie in blocks, documents in groups. A cell is the pairs of one group and one block, and their negatives
are from that block. So cells without a group or block in common may be trained at once, whatever the threads do.
"""

import numpy as np

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


@kernel
def _share(bits: Bits) -> Float:
    """A number in [0, 1) from the lower half of 64 random bits."""
    return np.float32(bits & np.uint64(0xFFFFFF)) * np.float32(1 / (1 << 24))


@kernel
def step(
    document: Floats1d,  # (dims,) updated
    rows: Floats2d,  # (n-grams, dims) the targets' are updated
    targets: Ids1d,  # (1 + negatives,) into rows; a negative that is the first one itself is left out
    alpha: Float,
    rate: Float,
    scratch: Floats2d,  # (2, 1 + negatives)
    change: Floats1d,  # (dims,) scratch
) -> None:
    """One step up the gradient of log s(alpha cos(d, t_0)) + sum over k > 0 of log s(-alpha cos(d, t_k)), s: sigmoid.

    The gradient of cos(d, t) by t is (d / |d| - cos t / |t|) / |t|. All cosines come first: the processor has several
    of their sums under way at once.
    """
    dims, count = document.shape[0], targets.shape[0]
    across, shrink = scratch[0], scratch[1]
    square = np.float32(0)
    for o in range(dims):
        square += document[o] * document[o]
        change[o] = np.float32(0)
    for k in range(count):
        row = rows[targets[k]]
        dot = np.float32(0)
        own = np.float32(0)
        for o in range(dims):
            dot += document[o] * row[o]
            own += row[o] * row[o]
        across[k] = dot
        shrink[k] = own
    along = np.float32(0)
    for k in range(count):
        inverse = np.float32(1) / np.sqrt(square * shrink[k])
        cosine = across[k] * inverse
        wanted = np.float32(1) if k == 0 else np.float32(0)
        error = (wanted - np.float32(1) / (np.float32(1) + np.exp(-alpha * cosine))) * alpha * rate
        if k > 0 and targets[k] == targets[0]:
            error = np.float32(0)
        along += error * cosine
        across[k] = error * inverse
        shrink[k] = np.float32(1) - error * cosine / shrink[k]
    for k in range(count):
        row = rows[targets[k]]
        for o in range(dims):
            value = row[o]
            change[o] += across[k] * value
            row[o] = shrink[k] * value + across[k] * document[o]
    keep = np.float32(1) - along / square
    for o in range(dims):
        document[o] = keep * document[o] + change[o]


@kernel
def draw_pairs(
    documents: Ints1d,  # (2,) the first of a group, and the one after its last
    offsets: Ints1d,  # (documents + 1,) where each begins among the tokens
    ngrams: Ids2d,  # (kinds, tokens) the n-grams that begin at each token, -1 for none
    keep: Floats1d,  # (n-grams,) the probability that one is trained on
    place: Ids1d,  # (n-grams,) its row
    block: Ids1d,  # (n-grams,) that its row is in
    key: Bits,
    begins: Ints1d,  # (blocks + 1,) written: where each block's pairs begin
    pairs: Ids2d,  # (2, as many as there may be) written: documents and rows, by block, then as they come
) -> None:
    """Draw a group's pairs for one pass over it: once to count them, once more, the same ones, to write them."""
    blocks = begins.shape[0] - 1
    begins[:] = 0
    for writes in range(2):
        for d in range(documents[0], documents[1]):
            state = mix_one(key + np.uint64(d))
            for i in range(offsets[d], offsets[d + 1]):
                for n in range(ngrams.shape[0]):
                    own = ngrams[n, i]
                    if own < 0:
                        continue
                    state += STEP
                    if _share(mix_one(state)) >= keep[own]:
                        continue
                    if writes:
                        at = begins[block[own]]
                        pairs[0, at] = d
                        pairs[1, at] = place[own]
                        begins[block[own]] = at + 1
                    else:
                        begins[block[own] + 1] += 1
        if not writes:
            for b in range(blocks):
                begins[b + 1] += begins[b]
    for b in range(blocks, 0, -1):  # each has moved to its block's end
        begins[b] = begins[b - 1]
    begins[0] = 0


@kernel
def draw_negatives(
    targets: Ids1d,  # (1 + negatives,) written but for the first
    first: Integer,  # row of the block
    threshold: Floats1d,  # (rows of the block,)
    alias: Ids1d,  # (rows of the block,) within it
    state: Bits,
) -> Bits:
    """By the alias method (Walker 1977); returns the next state."""
    count = np.uint64(threshold.shape[0])
    for k in range(1, targets.shape[0]):
        state += STEP
        bits = mix_one(state)
        drawn = np.int64(((bits >> np.uint64(32)) * count) >> np.uint64(32))
        targets[k] = first + (drawn if _share(bits) < threshold[drawn] else np.int64(alias[drawn]))
    return state


@kernel
def train(
    pairs: Ids2d,  # (2, pairs) of a group: documents and rows
    cell: Ints1d,  # (2,) the first pair of the cell, and the one after its last
    block: Ints1d,  # (2,) its first row, and the one after its last
    threshold: Floats1d,  # (n-grams,) of `alias_table`, block by block
    alias: Ids1d,  # (n-grams,)
    documents: Floats2d,  # (documents, dims) updated
    rows: Floats2d,  # (n-grams, dims) updated
    negatives: Integer,
    alpha: Float,
    rate: Float,
    key: Bits,
) -> None:
    """A step for each pair of a cell."""
    targets = np.empty(1 + negatives, dtype=np.int32)
    scratch = np.empty((2, 1 + negatives), dtype=np.float32)
    change = np.empty(documents.shape[1], dtype=np.float32)
    chances, others = threshold[block[0] : block[1]], alias[block[0] : block[1]]
    state = mix_one(key)
    for p in range(cell[0], cell[1]):
        targets[0] = pairs[1, p]
        state = draw_negatives(targets, block[0], chances, others, state)
        step(documents[pairs[0, p]], rows, targets, alpha, rate, scratch, change)


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
