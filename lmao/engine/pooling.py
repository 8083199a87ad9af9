"""One vector for a text from those of its words, and the gradient back to them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats


def pool(encoded: Floats, lengths: NDArray[np.int64], space: Workspace) -> tuple[Floats, Callable[[Floats], Floats]]:
    """The mean of each text's words: encoded (words, width), text after text of lengths (texts,), to (texts, width).

    Zeros for an empty text. The second return value takes the gradient back, (texts, width) to (words, width).
    """
    kernels = space.device.kernels
    mean: Floats = space.take("mean", len(lengths), encoded.shape[1])
    kernels.pool_mean(encoded, lengths, mean)

    def backward(d_mean: Floats) -> Floats:
        d_encoded: Floats = space.take("d_pooled", *encoded.shape)
        kernels.pool_mean_backward(d_mean, lengths, d_encoded)
        return d_encoded

    return mean, backward
