"""Windows of three rows times a matrix, for two neighbouring rows at once: four products of one row take the place of
six (Winograd 1980; the minimal filter F(2, 3) of Lavin & Gray 2016). What comes before and after the products is here.

Rows 2p + 1 and 2p + 2 of X (rows + 2, width) are pair p: a row of zeros is before the first and after the last.
"""

import numpy as np

from lmao.engine.compiled.maxout import EPSILON
from lmao.engine.compiling import Floats1d, Floats2d, Floats3d, Integer, kernel


@kernel
def pair_factors(W: Floats2d, U: Floats3d) -> None:
    """U (4, units, width) is written: what pairs are multiplied with, from W (units, 3 * width) for windows."""
    width = U.shape[2]
    for i in range(W.shape[0]):
        left, middle, right = W[i, :width], W[i, width : 2 * width], W[i, 2 * width :]
        s, t, u, v = U[0, i], U[1, i], U[2, i], U[3, i]
        for o in range(width):
            s[o] = left[o]
            t[o] = (left[o] + middle[o] + right[o]) / np.float32(2)
            u[o] = (left[o] - middle[o] + right[o]) / np.float32(2)
            v[o] = right[o]


@kernel
def pair_inputs(
    X: Floats2d,  # (rows + 2, width)
    first: Integer,  # pair
    out: Floats2d,  # (4 * pairs, width) written: the first factors of all pairs, then the second ones, ...
) -> None:
    """What the products of pairs are of."""
    pairs, width = out.shape[0] // 4, X.shape[1]
    for p in range(pairs):
        at = 2 * (first + p)
        a, b, c, d = X[at], X[at + 1], X[at + 2], X[at + 3]
        s, t, u, v = out[p], out[pairs + p], out[2 * pairs + p], out[3 * pairs + p]
        for o in range(width):
            s[o] = a[o] - c[o]
            t[o] = b[o] + c[o]
            u[o] = c[o] - b[o]
            v[o] = b[o] - d[o]


@kernel
def pair_outputs(M: Floats2d, Z: Floats2d) -> None:
    """Z (2 * pairs, units) is written: the products of windows, from those of pairs, M (4 * pairs, units)."""
    pairs, units = Z.shape[0] // 2, Z.shape[1]
    for p in range(pairs):
        r, s, t, u = M[p], M[pairs + p], M[2 * pairs + p], M[3 * pairs + p]
        even, odd = Z[2 * p], Z[2 * p + 1]
        for o in range(units):
            even[o] = r[o] + s[o] + t[o]
            odd[o] = s[o] - t[o] - u[o]


@kernel
def maxout_norm_pairs(
    M: Floats2d,  # (4 * pairs, nP * nO) the products
    b: Floats2d,  # (nP, nO)
    G: Floats1d,  # (nO,)
    shift: Floats1d,  # (nO,)
    X: Floats2d,  # (rows + 2, nO)
    first: Integer,  # pair
    Y: Floats2d,  # (rows + 2, nO) written
) -> None:
    """Y = X + what `maxout_norm` makes of the pairs' products."""
    nP, nO = b.shape
    pairs = M.shape[0] // 4
    for p in range(pairs):
        r, s, t, u = M[p], M[pairs + p], M[2 * pairs + p], M[3 * pairs + p]
        for odd in range(2):
            at = 2 * (first + p) + 1 + odd
            x, y = X[at], Y[at]
            for k in range(nP):
                own = slice(k * nO, (k + 1) * nO)
                # An even row is r + s + t, an odd one s - t - u.
                z, m, n, bias = (u[own] if odd else r[own]), s[own], t[own], b[k]
                sign = np.float32(-1) if odd else np.float32(1)
                for o in range(nO):
                    value = m[o] + sign * (n[o] + z[o]) + bias[o]
                    y[o] = value if k == 0 or value > y[o] else y[o]
            total = np.float32(0)
            for o in range(nO):
                total += y[o]
            mean = total / np.float32(nO)
            total = np.float32(0)
            for o in range(nO):
                total += (y[o] - mean) * (y[o] - mean)
            scale = np.float32(1) / np.sqrt(total / np.float32(nO) + EPSILON)
            for o in range(nO):
                y[o] = x[o] + (y[o] - mean) * scale * G[o] + shift[o]
