"""The loops that numpy would make many passes for, compiled, one pass each, free of the GIL.

Inner loops run from 0 over a slice: an index that could be negative, for all the compiler knows, is not vectorised.
All matrices are float32, row-major, and written into buffers the caller owns. Maxout units lie piece by piece,
(nP, nO), not unit by unit as in thinc: so each loop over units is a vector instruction. `export.spacy_order` turns them
round.
"""

from typing import Any

import numba
import numpy as np

# Reductions may be reordered, which vectorises them; NaN and infinity keep their meaning, divergence must show.
FAST = {"reassoc", "nsz", "contract", "arcp"}


def _compiled(signature: str) -> Any:
    """Compile now, or load what an earlier process compiled: no time measured later contains it."""
    return numba.njit(signature, nogil=True, cache=True, fastmath=FAST, error_model="numpy")


EPSILON = np.float32(1e-8)  # added to the variance, as in thinc's LayerNorm
LANES = 4  # 16-bit random numbers in one 64-bit draw
LEVELS = 1 << 16
BLOCK = 4096  # numbers that stay in the first cache between two loops over them


@_compiled("u8(u8, i8)")
def _draw(key: Any, counter: Any) -> Any:
    """SplitMix64 (Steele et al. 2014) at a position: dropout masks need no memory and no state."""
    z = key + np.uint64(counter) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_compiled("void(f4[::1], u8, i8, u8, f4, u8[::1])")
def _drop(values: Any, key: Any, row: Any, threshold: Any, scale: Any, draws: Any) -> None:
    """Multiply one row by its dropout mask: zero with probability threshold / 65536, else scale; draws is scratch."""
    for d in range(draws.shape[0]):
        draws[d] = _draw(key, row * draws.shape[0] + d)
    levels = draws.view(np.uint16)
    for o in range(values.shape[0]):
        values[o] *= scale if levels[o] >= threshold else np.float32(0)


@_compiled("u8[::1](i8)")
def _draws(width: Any) -> Any:
    """Scratch for `_drop`."""
    return np.empty((width + LANES - 1) // LANES, dtype=np.uint64)


@_compiled("void(i4[:,:,::1], f4[:,::1], f4[:,::1], f4[:,::1])")
def embed(rows: Any, tables: Any, masks: Any, out: Any) -> None:
    """Each feature's four hashed rows, summed (Svenstrup et al. 2017; thinc's HashEmbed).

    rows (types, features, 4) into tables (rows, width); masks (features, width); out (types, >= features * width).
    """
    width = tables.shape[1]
    for i in range(rows.shape[0]):
        for f in range(rows.shape[1]):
            a, b, c, d = tables[rows[i, f, 0]], tables[rows[i, f, 1]], tables[rows[i, f, 2]], tables[rows[i, f, 3]]
            mask, y = masks[f], out[i, f * width : (f + 1) * width]
            for o in range(width):
                y[o] = (a[o] + b[o] + c[o] + d[o]) * mask[o]


@_compiled("void(i4[:,:,::1], f4[:,::1], f4[:,::1], f4[:,::1])")
def embed_backward(rows: Any, d_out: Any, masks: Any, d_tables: Any) -> None:
    """Adds to d_tables (rows, width)."""
    width = d_tables.shape[1]
    for i in range(rows.shape[0]):
        for f in range(rows.shape[1]):
            mask, d = masks[f], d_out[i, f * width : (f + 1) * width]
            for k in range(4):
                row = d_tables[rows[i, f, k]]
                for o in range(width):
                    row[o] += d[o] * mask[o]


@_compiled("void(f4[:,::1], f4[:,::1], f4[::1], f4[::1], f4[:,::1], i1[:,::1], f4[::1], f4[:,::1])")
def maxout_norm(Z: Any, b: Any, G: Any, shift: Any, normed: Any, which: Any, scales: Any, Y: Any) -> None:
    """Bias, maxout and layer norm of a product Z (n, nP * nO) into Y (n, nO).

    Keeps for the backward pass: normed (n, nO), which (n, nO) and scales (n,), one over the standard deviation.
    """
    nP, nO = b.shape
    for i in range(Z.shape[0]):
        y, x, best = Y[i], normed[i], which[i]
        for o in range(nO):
            y[o] = Z[i, o] + b[0, o]
            best[o] = 0
        for p in range(1, nP):
            z = Z[i, p * nO : (p + 1) * nO]
            for o in range(nO):
                value = z[o] + b[p, o]
                best[o] = p if value > y[o] else best[o]
                y[o] = value if value > y[o] else y[o]
        total = np.float32(0)
        for o in range(nO):
            total += y[o]
        mean = total / np.float32(nO)
        total = np.float32(0)
        for o in range(nO):
            total += (y[o] - mean) * (y[o] - mean)
        scale = np.float32(1) / np.sqrt(total / np.float32(nO) + EPSILON)
        scales[i] = scale
        for o in range(nO):
            x[o] = (y[o] - mean) * scale
            y[o] = x[o] * G[o] + shift[o]


@_compiled("void(f4[:,::1], f4[::1], f4[:,::1], i1[:,::1], f4[::1], f4[:,::1], f4[:,::1], f4[::1], f4[::1])")
def maxout_norm_backward(
    dY: Any, G: Any, normed: Any, which: Any, scales: Any, dZ: Any, db: Any, dG: Any, d_shift: Any
) -> None:
    """From dY (n, nO), overwritten, to dZ (n, nP * nO); adds to db (nP, nO), dG and d_shift (nO,)."""
    nP, nO = db.shape
    for i in range(dY.shape[0]):
        dy, x, best, scale = dY[i], normed[i], which[i], scales[i]
        total = np.float32(0)
        along = np.float32(0)
        for o in range(nO):
            d = dy[o]
            d_shift[o] += d
            dG[o] += d * x[o]
            d *= G[o]
            total += d
            along += d * x[o]
            dy[o] = d
        total /= np.float32(nO)
        along /= np.float32(nO)
        for o in range(nO):
            dy[o] = (dy[o] - total - x[o] * along) * scale
        for p in range(nP):
            dz = dZ[i, p * nO : (p + 1) * nO]
            for o in range(nO):
                d = dy[o] if best[o] == p else np.float32(0)
                dz[o] = d
                db[p, o] += d


@_compiled("i8(i8[::1], i8, i8[::1], i8[::1])")
def dilate(rows: Any, reach: Any, grown: Any, begins: Any) -> Any:
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


@_compiled("void(f4[:,::1], i4[::1], i8[::1], u8, u8, f4, f4[:,::1])")
def gather(vectors: Any, ids: Any, rows: Any, key: Any, threshold: Any, scale: Any, X: Any) -> None:
    """X[i] = vectors[ids[i]], dropped out as row rows[i]; zeros where the id is negative (the gap between texts)."""
    draws = _draws(X.shape[1])
    for i in range(ids.shape[0]):
        if ids[i] < 0:
            X[i] = np.float32(0)
        else:
            X[i] = vectors[ids[i]]
            if threshold:
                _drop(X[i], key, rows[i], threshold, scale, draws)


@_compiled("void(f4[:,::1], i4[::1], i8[::1], u8, u8, f4, f4[:,::1])")
def gather_backward(dX: Any, ids: Any, rows: Any, key: Any, threshold: Any, scale: Any, d_vectors: Any) -> None:
    """Adds to d_vectors; overwrites dX."""
    draws = _draws(dX.shape[1])
    for i in range(ids.shape[0]):
        if ids[i] >= 0:
            if threshold:
                _drop(dX[i], key, rows[i], threshold, scale, draws)
            d, into = dX[i], d_vectors[ids[i]]
            for o in range(d.shape[0]):
                into[o] += d[o]


@_compiled("void(f4[:,::1], i8[::1], i8[::1], u8, u8, f4, f4[:,::1])")
def add_residual(X: Any, places: Any, rows: Any, key: Any, threshold: Any, scale: Any, Y: Any) -> None:
    """Y[i] = X[places[i]] + dropout(Y[i])."""
    draws = _draws(X.shape[1])
    for i in range(Y.shape[0]):
        x, y = X[places[i]], Y[i]
        if threshold:
            _drop(y, key, rows[i], threshold, scale, draws)
        for o in range(y.shape[0]):
            y[o] += x[o]


@_compiled("void(f4[:,::1], i8[::1], u8, u8, f4, f4[:,::1])")
def copy_dropped(dY: Any, rows: Any, key: Any, threshold: Any, scale: Any, out: Any) -> None:
    """out = dropout(dY), the backward of `add_residual` along the layer."""
    draws = _draws(dY.shape[1])
    for i in range(dY.shape[0]):
        out[i] = dY[i]
        if threshold:
            _drop(out[i], key, rows[i], threshold, scale, draws)


@_compiled("void(f4[:,::1], i8[::1], f4[:,::1])")
def windows(X: Any, begins: Any, out: Any) -> None:
    """out[i] = the rows of X (n, width) from begins[i] on, as many as out is wide (thinc's seq2col)."""
    values, size = X.reshape(-1), out.shape[1]
    for i in range(out.shape[0]):
        window, into = values[begins[i] * X.shape[1] :][:size], out[i]
        for o in range(size):
            into[o] = window[o]


@_compiled("void(f4[:,::1], f4[:,::1], i8[::1], f4[:,::1])")
def windows_backward(d_out: Any, d_residual: Any, begins: Any, dX: Any) -> None:
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


@_compiled("void(f4[:,::1], i8[::1], f4[:,::1])")
def pool_mean(X: Any, lengths: Any, out: Any) -> None:
    """out[d] = the mean of a text's rows, which follow each other in X; zeros for an empty text."""
    at = 0
    for d in range(lengths.shape[0]):
        out[d] = np.float32(0)
        for i in range(at, at + lengths[d]):
            out[d] += X[i]
        out[d] /= np.float32(max(lengths[d], 1))
        at += lengths[d]


@_compiled("void(f4[:,::1], i8[::1], f4[:,::1])")
def pool_mean_backward(d_out: Any, lengths: Any, dX: Any) -> None:
    """Overwrites dX."""
    at = 0
    for d in range(lengths.shape[0]):
        for i in range(at, at + lengths[d]):
            dX[i] = d_out[d] / np.float32(lengths[d])
        at += lengths[d]


@_compiled("i8(i4[::1], i4[::1], i4[::1])")
def distinct(ids: Any, place: Any, found: Any) -> Any:
    """Replace each id >= 0 by its place among the distinct ids, in order of appearance; returns their number.

    place (vocabulary,) is -1 everywhere and is left so; found receives the distinct ids.
    """
    count = 0
    for i in range(ids.shape[0]):
        if ids[i] >= 0:
            if place[ids[i]] < 0:
                place[ids[i]] = count
                found[count] = ids[i]
                count += 1
            ids[i] = place[ids[i]]
    for k in range(count):
        place[found[k]] = -1
    return count


@_compiled("f4(f4[:,::1], i8, i8)")
def collect(gradients: Any, start: Any, stop: Any) -> Any:
    """Sum gradients (parts, size) from start to stop into the first, zero the others; returns the squared length."""
    total = np.float32(0)
    for first in range(start, stop, BLOCK):
        last = min(first + BLOCK, stop)
        g = gradients[0, first:last]
        for t in range(1, gradients.shape[0]):
            other = gradients[t, first:last]
            for i in range(g.shape[0]):
                g[i] += other[i]
                other[i] = np.float32(0)
        for i in range(g.shape[0]):
            total += g[i] * g[i]
    return total


@_compiled("void(f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4, f4, f4, f4, f4, f4, f4)")
def adam(
    weights: Any, gradient: Any, first: Any, second: Any, average: Any, beta1: Any, beta2: Any, eps: Any, rate: Any,
    decay: Any, clip: Any, keep: Any,
) -> None:  # fmt: skip
    """One step of Adam on an array (size,); the gradient is multiplied by clip and set to zero.

    rate is bias-corrected, decay = 1 - rate * L2 shrinks the weights, keep is the share of the average that stays.
    """
    for i in range(weights.shape[0]):
        g = gradient[i] * clip
        gradient[i] = np.float32(0)
        m = beta1 * first[i] + (np.float32(1) - beta1) * g
        v = beta2 * second[i] + (np.float32(1) - beta2) * g * g
        first[i] = m
        second[i] = v
        w = (weights[i] - rate * m / (np.sqrt(v) + eps)) * decay
        weights[i] = w
        average[i] = keep * average[i] + (np.float32(1) - keep) * w


@_compiled('void(Array(i4, 1, "C", readonly=True), i8[::1], i8[::1], i8, i4[::1], i8[::1])')
def lay_out(tokens: Any, begins: Any, lengths: Any, gap: Any, ids: Any, starts: Any) -> None:
    """Copy texts of a corpus into one row of ids, `gap` times -1 before, between and after them."""
    at = 0
    for d in range(begins.shape[0]):
        ids[at : at + gap] = -1
        at += gap
        starts[d] = at
        ids[at : at + lengths[d]] = tokens[begins[d] : begins[d] + lengths[d]]
        at += lengths[d]
    ids[at : at + gap] = -1
