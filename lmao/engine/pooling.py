"""One vector for a text from those of its words, and the gradient back to them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats


def pool(
    name: str, encoded: Floats, lengths: NDArray[np.int64], space: Workspace
) -> tuple[Floats, Callable[[Floats], Floats]]:
    """The mean of each text's words: encoded (words, width), text after text of lengths (texts,), to (texts, width).

    Zeros for an empty text. The second return value takes the gradient back, (texts, width) to (words, width), which
    takes the place of `encoded`, as a layer's does.
    """
    kernels = space.device.kernels
    mean: Floats = space.take(f"{name}.mean", len(lengths), encoded.shape[1])
    kernels.pool_mean(encoded, lengths, mean)

    def backward(d_mean: Floats) -> Floats:
        kernels.pool_mean_backward(d_mean, lengths, encoded)
        return encoded

    return mean, backward
