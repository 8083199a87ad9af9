"""The mean of each text's rows, which follow each other."""

import numpy as np

from lmao.engine.compiling import Floats2d, Ints1d, kernel


@kernel
def pool_mean(X: Floats2d, lengths: Ints1d, out: Floats2d) -> None:
    """out[d] = the mean of a text's rows of X, lengths[d] of them; zeros for an empty text."""
    at = 0
    for d in range(lengths.shape[0]):
        mean = out[d]
        mean[:] = np.float32(0)
        for i in range(at, at + lengths[d]):
            x = X[i]
            for o in range(mean.shape[0]):
                mean[o] += x[o]
        for o in range(mean.shape[0]):
            mean[o] /= np.float32(max(lengths[d], 1))
        at += lengths[d]


@kernel
def pool_mean_backward(d_out: Floats2d, lengths: Ints1d, dX: Floats2d) -> None:
    """Overwrites dX."""
    at = 0
    for d in range(lengths.shape[0]):
        for i in range(at, at + lengths[d]):
            dx, d_mean = dX[i], d_out[d]
            for o in range(dx.shape[0]):
                dx[o] = d_mean[o] / np.float32(lengths[d])
        at += lengths[d]
