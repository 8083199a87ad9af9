"""A batch in rows, with gaps between texts; which rows a layer needs of the one below; each with those beside it."""

import numpy as np

from lmao.engine.compiling import Floats2d, Ids1d, Integer, Ints1d, StoredIds1d, kernel


@kernel
def lay_out(
    tokens: StoredIds1d,  # (tokens,) of a corpus
    begins: Ints1d,  # (texts,) into tokens
    lengths: Ints1d,  # (texts,)
    gap: Integer,
    ids: Ids1d,  # (sum of lengths + gap * (texts + 1),) written
    starts: Ints1d,  # (texts,) written: where in ids each text begins
) -> None:
    """Copy texts into one row of ids, `gap` times -1 before, between and after them."""
    at = 0
    for d in range(begins.shape[0]):
        ids[at : at + gap] = -1
        at += gap
        starts[d] = at
        ids[at : at + lengths[d]] = tokens[begins[d] : begins[d] + lengths[d]]
        at += lengths[d]
    ids[at : at + gap] = -1


@kernel
def dilate(rows: Ints1d, reach: Integer, grown: Ints1d, begins: Ints1d) -> Integer:
    """The rows within reach of ascending rows, ascending, into grown; returns their number.

    begins[i]: where in grown the neighbourhood of rows[i] begins. It has 2 * reach + 1 rows, side by side.
    """
    count = 0
    for i in range(rows.shape[0]):
        first, last = rows[i] - reach, rows[i] + reach
        if count and grown[count - 1] >= first:
            first = grown[count - 1] + 1
        for row in range(first, last + 1):
            grown[count] = row
            count += 1
        begins[i] = count - (2 * reach + 1)
    return count


@kernel
def windows(X: Floats2d, begins: Ints1d, out: Floats2d) -> None:
    """out[i] = the rows of X (n, width) from begins[i] on, as many as out is wide (thinc's seq2col)."""
    values, size = X.reshape(-1), out.shape[1]
    for i in range(out.shape[0]):
        window, into = values[begins[i] * X.shape[1] :][:size], out[i]
        for o in range(size):
            into[o] = window[o]


@kernel
def windows_backward(d_out: Floats2d, d_residual: Floats2d, begins: Ints1d, dX: Floats2d) -> None:
    """Overwrites dX (n, width): the sum over windows, and of each window's middle row its d_residual."""
    size, width = d_out.shape[1], dX.shape[1]
    values = dX.reshape(-1)
    values[:] = np.float32(0)
    for i in range(d_out.shape[0]):
        d, window = d_out[i], values[begins[i] * width :][:size]
        for o in range(size):
            window[o] += d[o]
        d, middle = d_residual[i], window[(size - width) // 2 :][:width]
        for o in range(width):
            middle[o] += d[o]
