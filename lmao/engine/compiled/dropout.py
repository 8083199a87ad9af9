"""Rows gathered, added and copied, and dropped out on the way: no mask is stored, and none is drawn twice.

`key`, `threshold` and `scale` are of `lmao.encoder.dropout`; a threshold of 0 drops nothing. A row's mask goes by its
number in the batch, `rows`, whichever other rows are computed.
"""

import numpy as np

from lmao.engine.compiling import Bits, Bits1d, Float, Floats1d, Floats2d, Ids1d, Integer, Ints1d, kernel
from lmao.engine.splitmix import STEP, mix_one

LANES = 4  # 16-bit random numbers in one 64-bit draw
LEVELS = 1 << 16


@kernel
def drop(
    values: Floats1d,  # (width,) multiplied by the mask
    key: Bits,
    row: Integer,
    threshold: Bits,
    scale: Float,
    draws: Bits1d,  # (width / LANES,) scratch
) -> None:
    """Multiply one row by its dropout mask: zero with probability threshold / LEVELS, else scale."""
    for d in range(draws.shape[0]):
        draws[d] = mix_one(key + np.uint64(row * draws.shape[0] + d) * STEP)
    levels = draws.view(np.uint16)
    for o in range(values.shape[0]):
        values[o] *= scale if levels[o] >= threshold else np.float32(0)


@kernel
def scratch(width: Integer) -> Bits1d:
    """The draws that `drop` needs."""
    return np.empty((width + LANES - 1) // LANES, dtype=np.uint64)


@kernel
def gather(
    vectors: Floats2d,  # (types, width)
    ids: Ids1d,  # (n,) into vectors; negative in the gap between texts
    rows: Ints1d,  # (n,) in the batch
    key: Bits,
    threshold: Bits,
    scale: Float,
    X: Floats2d,  # (n, width) written
) -> None:
    """X[i] = dropout(vectors[ids[i]]), zeros in a gap."""
    draws = scratch(X.shape[1])
    for i in range(ids.shape[0]):
        x = X[i]
        if ids[i] < 0:
            x[:] = np.float32(0)
        else:
            vector = vectors[ids[i]]
            for o in range(x.shape[0]):
                x[o] = vector[o]
            if threshold:
                drop(x, key, rows[i], threshold, scale, draws)


@kernel
def gather_backward(
    dX: Floats2d,  # (n, width) overwritten
    ids: Ids1d,  # (n,)
    rows: Ints1d,  # (n,)
    key: Bits,
    threshold: Bits,
    scale: Float,
    d_vectors: Floats2d,  # (types, width) added to
) -> None:
    """The gradient of `gather`."""
    draws = scratch(dX.shape[1])
    for i in range(ids.shape[0]):
        if ids[i] >= 0:
            if threshold:
                drop(dX[i], key, rows[i], threshold, scale, draws)
            d, into = dX[i], d_vectors[ids[i]]
            for o in range(d.shape[0]):
                into[o] += d[o]


@kernel
def add_residual(
    X: Floats2d,  # (below, width) what the layer was given
    places: Ints1d,  # (n,) into X
    rows: Ints1d,  # (n,) in the batch
    key: Bits,
    threshold: Bits,
    scale: Float,
    Y: Floats2d,  # (n, width) what the layer made of it, overwritten
) -> None:
    """Y[i] = X[places[i]] + dropout(Y[i])."""
    draws = scratch(X.shape[1])
    for i in range(Y.shape[0]):
        x, y = X[places[i]], Y[i]
        if threshold:
            drop(y, key, rows[i], threshold, scale, draws)
        for o in range(y.shape[0]):
            y[o] += x[o]


@kernel
def copy_dropped(
    dY: Floats2d,  # (n, width)
    rows: Ints1d,  # (n,) in the batch
    key: Bits,
    threshold: Bits,
    scale: Float,
    out: Floats2d,  # (n, width) written
) -> None:
    """out = dropout(dY): the gradient of `add_residual` along the layer."""
    draws = scratch(dY.shape[1])
    for i in range(dY.shape[0]):
        copy, dy = out[i], dY[i]
        for o in range(copy.shape[0]):
            copy[o] = dy[o]
        if threshold:
            drop(copy, key, rows[i], threshold, scale, draws)
