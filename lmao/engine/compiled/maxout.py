"""Maxout and layer norm, in one pass over a product.

Maxout units lie piece by piece, (nP, nO), not unit by unit as in thinc: so each loop over units is a vector
instruction. `lmao.encoder.stock.spacy_order` turns them round.
"""

import numpy as np

from lmao.engine.compiling import Bytes2d, Floats1d, Floats2d, kernel

EPSILON = np.float32(1e-8)  # added to the variance, as in thinc's LayerNorm


@kernel
def maxout_norm(
    Z: Floats2d,  # (n, nP * nO) a product
    b: Floats2d,  # (nP, nO)
    G: Floats1d,  # (nO,)
    shift: Floats1d,  # (nO,)
    normed: Floats2d,  # (n, nO) written, for the backward pass, as the next two
    which: Bytes2d,  # (n, nO) the best piece
    scales: Floats1d,  # (n,) one over the standard deviation
    Y: Floats2d,  # (n, nO) written
) -> None:
    """Bias, maxout and layer norm of Z into Y."""
    nP, nO = b.shape
    for i in range(Z.shape[0]):
        y, x, best = Y[i], normed[i], which[i]
        z, bias = Z[i, :nO], b[0]
        for o in range(nO):
            y[o] = z[o] + bias[o]
            x[o] = np.float32(0)
        for p in range(1, nP):  # x has the best piece meanwhile: a choice between bytes is not vectorised by AVX2
            z, bias, piece = Z[i, p * nO : (p + 1) * nO], b[p], np.float32(p)
            for o in range(nO):
                value = z[o] + bias[o]
                x[o] = piece if value > y[o] else x[o]
                y[o] = value if value > y[o] else y[o]
        for o in range(nO):
            best[o] = np.int8(x[o])
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


@kernel
def maxout_norm_backward(
    dY: Floats2d,  # (n, nO) overwritten
    G: Floats1d,  # (nO,)
    normed: Floats2d,  # (n, nO)
    which: Bytes2d,  # (n, nO)
    scales: Floats1d,  # (n,)
    dZ: Floats2d,  # (n, nP * nO) written
    db: Floats2d,  # (nP, nO) added to, as the next two
    dG: Floats1d,  # (nO,)
    d_shift: Floats1d,  # (nO,)
) -> None:
    """The gradient of `maxout_norm`."""
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
