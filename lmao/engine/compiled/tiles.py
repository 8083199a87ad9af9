"""The gradients of windows of three rows times a matrix, for four neighbouring rows at once: six products of one row
take the place of twelve (Winograd 1980; the minimal filter F(4, 3) of Lavin & Gray 2016). What is before and after.

A tile's four rows are a polynomial, as are a window's three factors: their product is found from its values at the
points 0, P, -P, Q, -Q and infinity. Of the points tried these leave the smallest rounding errors, 2.2 times those of
windows multiplied whole; their powers are exact. A forward pass adds such errors up, layer by layer, and goes by pairs.

Row r of a batch is row r + 1 of X (4 * tiles + 2, width): a row of zeros is before the first and after the last.
"""

import numpy as np

from lmao.engine.compiling import Floats2d, Floats3d, Integer, kernel

POINTS = 6
ROWS = 4  # of a tile
P, Q = np.float32(5 / 8), np.float32(3 / 2)
P2, Q2 = P * P, Q * Q
SUM, PRODUCT = P2 + Q2, P2 * Q2
# What Lagrange's interpolation divides by at 0, P and Q.
AT_0, AT_P, AT_Q = PRODUCT, 2 * P2 * (P2 - Q2), 2 * Q2 * (Q2 - P2)


@kernel
def tile_factors(W: Floats2d, U: Floats3d) -> None:
    """U (6, units, width) is written: what tiles are multiplied with, from W (units, 3 * width) for windows."""
    width = U.shape[2]
    for i in range(W.shape[0]):
        left, middle, right = W[i, :width], W[i, width : 2 * width], W[i, 2 * width :]
        u, v, w, x, y, z = U[0, i], U[1, i], U[2, i], U[3, i], U[4, i], U[5, i]
        for o in range(width):
            u[o] = left[o] / AT_0
            even, odd = (left[o] + P2 * right[o]) / AT_P, P * middle[o] / AT_P
            v[o] = even + odd
            w[o] = even - odd
            even, odd = (left[o] + Q2 * right[o]) / AT_Q, Q * middle[o] / AT_Q
            x[o] = even + odd
            y[o] = even - odd
            z[o] = right[o]


@kernel
def tile_factors_backward(dU: Floats3d, dW: Floats2d) -> None:
    """The gradient of `tile_factors` is added to dW (units, 3 * width)."""
    width = dU.shape[2]
    for i in range(dW.shape[0]):
        left, middle, right = dW[i, :width], dW[i, width : 2 * width], dW[i, 2 * width :]
        u, v, w, x, y, z = dU[0, i], dU[1, i], dU[2, i], dU[3, i], dU[4, i], dU[5, i]
        for o in range(width):
            p_even, p_odd = (v[o] + w[o]) / AT_P, P * (v[o] - w[o]) / AT_P
            q_even, q_odd = (x[o] + y[o]) / AT_Q, Q * (x[o] - y[o]) / AT_Q
            left[o] += u[o] / AT_0 + p_even + q_even
            middle[o] += p_odd + q_odd
            right[o] += P2 * p_even + Q2 * q_even + z[o]


@kernel
def tile_inputs(X: Floats2d, V: Floats3d) -> None:
    """V (6, tiles, width) is written: X's polynomials at the points."""
    for t in range(V.shape[1]):
        a, b, c, d, e, f = X[4 * t], X[4 * t + 1], X[4 * t + 2], X[4 * t + 3], X[4 * t + 4], X[4 * t + 5]
        u, v, w, x, y, z = V[0, t], V[1, t], V[2, t], V[3, t], V[4, t], V[5, t]
        for o in range(X.shape[1]):
            u[o] = PRODUCT * a[o] - SUM * c[o] + e[o]
            even, odd = e[o] - Q2 * c[o], P * (d[o] - Q2 * b[o])
            v[o] = even + odd
            w[o] = even - odd
            even, odd = e[o] - P2 * c[o], Q * (d[o] - P2 * b[o])
            x[o] = even + odd
            y[o] = even - odd
            z[o] = PRODUCT * b[o] - SUM * d[o] + f[o]


@kernel
def tile_inputs_backward(dV: Floats3d, d_residual: Floats2d, dX: Floats2d) -> None:
    """Overwrites dX: the gradient of `tile_inputs`, and d_residual, both of X's shape."""
    tiles, width = dV.shape[1], dX.shape[1]
    for i in range(dX.shape[0]):
        dx, residual = dX[i], d_residual[i]
        for o in range(width):
            dx[o] = residual[o]
    for t in range(tiles):
        a, b, c, d, e, f = dX[4 * t], dX[4 * t + 1], dX[4 * t + 2], dX[4 * t + 3], dX[4 * t + 4], dX[4 * t + 5]
        u, v, w, x, y, z = dV[0, t], dV[1, t], dV[2, t], dV[3, t], dV[4, t], dV[5, t]
        for o in range(width):
            p_even, p_odd, q_even, q_odd = v[o] + w[o], P * (v[o] - w[o]), x[o] + y[o], Q * (x[o] - y[o])
            a[o] += PRODUCT * u[o]
            b[o] += PRODUCT * z[o] - Q2 * p_odd - P2 * q_odd
            c[o] -= SUM * u[o] + Q2 * p_even + P2 * q_even
            d[o] += p_odd + q_odd - SUM * z[o]
            e[o] += u[o] + p_even + q_even
            f[o] += z[o]


@kernel
def tile_outputs_backward(dZ: Floats2d, first: Integer, dM: Floats3d) -> None:
    """From the gradient of windows' products, dZ (4 * some tiles, units), to that of tiles' products, dM (6, tiles,
    units), from tile `first` on."""
    units = dZ.shape[1]
    for t in range(dZ.shape[0] // ROWS):
        a, b, c, d = dZ[4 * t], dZ[4 * t + 1], dZ[4 * t + 2], dZ[4 * t + 3]
        at = first + t
        u, v, w, x, y, z = dM[0, at], dM[1, at], dM[2, at], dM[3, at], dM[4, at], dM[5, at]
        for o in range(units):
            u[o] = a[o]
            even, odd = a[o] + P2 * c[o], P * (b[o] + P2 * d[o])
            v[o] = even + odd
            w[o] = even - odd
            even, odd = a[o] + Q2 * c[o], Q * (b[o] + Q2 * d[o])
            x[o] = even + odd
            y[o] = even - odd
            z[o] = d[o]
