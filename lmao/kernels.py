"""The loops that numpy would make many passes for, compiled, one pass each, free of the GIL.

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


@_compiled("u8(u8, i8)")
def _draw(key: Any, counter: Any) -> Any:
    """SplitMix64 (Steele et al. 2014) at a position: dropout masks need no memory and no state."""
    z = key + np.uint64(counter) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_compiled("void(f4[::1], u8, i8, u8, f4)")
def _drop(values: Any, key: Any, row: Any, threshold: Any, scale: Any) -> None:
    """Multiply one row by its dropout mask: zero with probability threshold / 65536, else scale."""
    width = values.shape[0]
    draws = (width + LANES - 1) // LANES
    for d in range(draws):
        bits = _draw(key, row * draws + d)
        for lane in range(min(LANES, width - d * LANES)):
            kept = ((bits >> np.uint64(16 * lane)) & np.uint64(0xFFFF)) >= threshold
            values[d * LANES + lane] *= scale if kept else np.float32(0)


@_compiled("void(i4[:,:,::1], f4[:,::1], f4[:,::1], f4[:,::1])")
def embed(rows: Any, tables: Any, masks: Any, out: Any) -> None:
    """Each feature's four hashed rows, summed (Svenstrup et al. 2017; thinc's HashEmbed).

    rows (types, features, 4) into tables (rows, width); masks (features, width); out (types, >= features * width).
    """
    width = tables.shape[1]
    for i in range(rows.shape[0]):
        for f in range(rows.shape[1]):
            a, b, c, d = rows[i, f, 0], rows[i, f, 1], rows[i, f, 2], rows[i, f, 3]
            start = f * width
            for o in range(width):
                out[i, start + o] = (tables[a, o] + tables[b, o] + tables[c, o] + tables[d, o]) * masks[f, o]


@_compiled("void(i4[:,:,::1], f4[:,::1], f4[:,::1], f4[:,::1])")
def embed_backward(rows: Any, d_out: Any, masks: Any, d_tables: Any) -> None:
    """Adds to d_tables (rows, width)."""
    width = d_tables.shape[1]
    for i in range(rows.shape[0]):
        for f in range(rows.shape[1]):
            start = f * width
            for k in range(4):
                row = rows[i, f, k]
                for o in range(width):
                    d_tables[row, o] += d_out[i, start + o] * masks[f, o]


@_compiled("void(f4[:,::1], f4[:,::1], f4[::1], f4[::1], f4[:,::1], i1[:,::1], f4[::1], f4[:,::1])")
def maxout_norm(Z: Any, b: Any, G: Any, shift: Any, normed: Any, which: Any, scales: Any, Y: Any) -> None:
    """Bias, maxout and layer norm of a product Z (n, nP * nO) into Y (n, nO).

    Keeps for the backward pass: normed (n, nO), which (n, nO) and scales (n,), one over the standard deviation.
    """
    nP, nO = b.shape
    for i in range(Z.shape[0]):
        for o in range(nO):
            Y[i, o] = Z[i, o] + b[0, o]
            which[i, o] = 0
        for p in range(1, nP):
            for o in range(nO):
                value = Z[i, p * nO + o] + b[p, o]
                if value > Y[i, o]:
                    Y[i, o] = value
                    which[i, o] = p
        total = np.float32(0)
        for o in range(nO):
            total += Y[i, o]
        mean = total / np.float32(nO)
        total = np.float32(0)
        for o in range(nO):
            total += (Y[i, o] - mean) * (Y[i, o] - mean)
        scale = np.float32(1) / np.sqrt(total / np.float32(nO) + EPSILON)
        scales[i] = scale
        for o in range(nO):
            normed[i, o] = (Y[i, o] - mean) * scale
            Y[i, o] = normed[i, o] * G[o] + shift[o]


@_compiled("void(f4[:,::1], f4[::1], f4[:,::1], i1[:,::1], f4[::1], f4[:,::1], f4[:,::1], f4[::1], f4[::1])")
def maxout_norm_backward(
    dY: Any, G: Any, normed: Any, which: Any, scales: Any, dZ: Any, db: Any, dG: Any, d_shift: Any
) -> None:
    """From dY (n, nO), overwritten, to dZ (n, nP * nO); adds to db (nP, nO), dG and d_shift (nO,)."""
    nP, nO = db.shape
    for i in range(dY.shape[0]):
        total = np.float32(0)
        along = np.float32(0)
        for o in range(nO):
            d = dY[i, o]
            d_shift[o] += d
            dG[o] += d * normed[i, o]
            d *= G[o]
            total += d
            along += d * normed[i, o]
            dY[i, o] = d
        total /= np.float32(nO)
        along /= np.float32(nO)
        for o in range(nO):
            dY[i, o] = (dY[i, o] - total - normed[i, o] * along) * scales[i]
        for p in range(nP):
            for o in range(nO):
                d = dY[i, o] if which[i, o] == p else np.float32(0)
                dZ[i, p * nO + o] = d
                db[p, o] += d


@_compiled("void(f4[:,::1], i4[::1], u8, i8, u8, f4, f4[:,::1])")
def gather(vectors: Any, ids: Any, key: Any, first: Any, threshold: Any, scale: Any, X: Any) -> None:
    """X[i] = vectors[ids[i]], dropped out as row first + i; zeros where the id is negative (the gap between texts)."""
    for i in range(ids.shape[0]):
        if ids[i] < 0:
            X[i] = np.float32(0)
        else:
            X[i] = vectors[ids[i]]
            if threshold:
                _drop(X[i], key, first + i, threshold, scale)


@_compiled("void(f4[:,::1], i4[::1], u8, i8, u8, f4, f4[:,::1])")
def gather_backward(dX: Any, ids: Any, key: Any, first: Any, threshold: Any, scale: Any, d_vectors: Any) -> None:
    """Adds to d_vectors; overwrites dX."""
    for i in range(ids.shape[0]):
        if ids[i] >= 0:
            if threshold:
                _drop(dX[i], key, first + i, threshold, scale)
            d_vectors[ids[i]] += dX[i]


@_compiled("void(f4[:,::1], f4[:,::1], u8, i8, u8, f4)")
def add_residual(X: Any, Y: Any, key: Any, first: Any, threshold: Any, scale: Any) -> None:
    """Y = X + dropout(Y)."""
    for i in range(X.shape[0]):
        if threshold:
            _drop(Y[i], key, first + i, threshold, scale)
        for o in range(X.shape[1]):
            Y[i, o] += X[i, o]


@_compiled("void(f4[:,::1], u8, i8, u8, f4, f4[:,::1])")
def copy_dropped(dY: Any, key: Any, first: Any, threshold: Any, scale: Any, out: Any) -> None:
    """out = dropout(dY), the backward of `add_residual` along the layer."""
    for i in range(dY.shape[0]):
        out[i] = dY[i]
        if threshold:
            _drop(out[i], key, first + i, threshold, scale)


@_compiled("void(f4[:,::1], i8, f4[:,::1])")
def windows(X: Any, reach: Any, out: Any) -> None:
    """out[i] = the rows i - reach ... i + reach of X (n, width), zeros beyond its ends (thinc's seq2col)."""
    n, width = X.shape
    for i in range(n):
        for k in range(2 * reach + 1):
            j = i + k - reach
            if 0 <= j < n:
                for o in range(width):
                    out[i, k * width + o] = X[j, o]
            else:
                for o in range(width):
                    out[i, k * width + o] = np.float32(0)


@_compiled("void(f4[:,::1], i8, f4[:,::1])")
def windows_backward(d_out: Any, reach: Any, dX: Any) -> None:
    """Adds to dX (n, width)."""
    n, width = dX.shape
    for i in range(n):
        for k in range(2 * reach + 1):
            j = i - k + reach
            if 0 <= j < n:
                for o in range(width):
                    dX[i, o] += d_out[j, k * width + o]


@_compiled("void(f4[:,::1], i8[::1], i8[::1], f4[:,::1])")
def pool_mean(X: Any, starts: Any, lengths: Any, out: Any) -> None:
    """out[d] = the mean of a text's rows of X; zeros for an empty text."""
    for d in range(starts.shape[0]):
        out[d] = np.float32(0)
        for i in range(starts[d], starts[d] + lengths[d]):
            out[d] += X[i]
        out[d] /= np.float32(max(lengths[d], 1))


@_compiled("void(f4[:,::1], i8[::1], i8[::1], f4[:,::1])")
def pool_mean_backward(d_out: Any, starts: Any, lengths: Any, dX: Any) -> None:
    """Overwrites dX: zeros in the gaps."""
    dX[:] = np.float32(0)
    for d in range(starts.shape[0]):
        for i in range(starts[d], starts[d] + lengths[d]):
            dX[i] = d_out[d] / np.float32(lengths[d])


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


@_compiled("void(f4[::1], f4[:,::1], f4[::1], f4[::1], f4[::1], i8, i8, f4, f4, f4, f4, f4, f4, f4)")
def adam(
    weights: Any, gradients: Any, first: Any, second: Any, average: Any, start: Any, stop: Any, beta1: Any, beta2: Any,
    eps: Any, rate: Any, decay: Any, clip: Any, keep: Any,
) -> None:  # fmt: skip
    """One step of Adam on the weights from start to stop; gradients (parts, size) are summed, clipped and set to zero.

    rate is bias-corrected, decay = 1 - rate * L2 shrinks the weights, keep is the share of the average that stays.
    """
    parts = gradients.shape[0]
    for i in range(start, stop):
        g = gradients[0, i]
        gradients[0, i] = np.float32(0)
        for t in range(1, parts):
            g += gradients[t, i]
            gradients[t, i] = np.float32(0)
        g *= clip
        m = beta1 * first[i] + (np.float32(1) - beta1) * g
        v = beta2 * second[i] + (np.float32(1) - beta2) * g * g
        first[i] = m
        second[i] = v
        w = (weights[i] - rate * m / (np.sqrt(v) + eps)) * decay
        weights[i] = w
        average[i] = keep * average[i] + (np.float32(1) - keep) * w


@_compiled("f4(f4[:,::1], i8, i8)")
def squared_norm(gradients: Any, start: Any, stop: Any) -> Any:
    """The squared length of the summed gradients (parts, size) from start to stop."""
    total = np.float32(0)
    for i in range(start, stop):
        g = gradients[0, i]
        for t in range(1, gradients.shape[0]):
            g += gradients[t, i]
        total += g * g
    return total


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
