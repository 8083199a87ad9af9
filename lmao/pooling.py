"""One vector for a text from those of its words, and the gradient back to them."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmao.layers import Workspace
from lmao.parameters import Floats

Pooling = Literal["mean", "mean_max"]


def pooled_width(pooling: Pooling, width: int) -> int:
    return 2 * width if pooling == "mean_max" else width


def pool(
    pooling: Pooling, encoded: Floats, lengths: NDArray[np.int64], space: Workspace
) -> tuple[Floats, Callable[[Floats], Floats]]:
    """encoded (words, width), text after text of lengths (texts,), to (texts, pooled width); zeros for an empty text.

    mean: of a text's words. mean_max: the maximum over them by dimension, then the mean, in the order of spaCy's
    TextCatReduce. The second return value takes the gradient back, (texts, pooled width) to (words, width).
    """
    kernels, texts, width = space.device.kernels, len(lengths), encoded.shape[1]
    mean = space.take("mean", texts, width)
    kernels.pool_mean(encoded, lengths, mean)
    if pooling == "mean":

        def mean_backward(d_mean: Floats) -> Floats:
            d_encoded: Floats = space.take("d_encoded", *encoded.shape)
            kernels.pool_mean_backward(d_mean, lengths, d_encoded)
            return d_encoded

        return mean, mean_backward

    highest, which = space.take("max", texts, width), space.take("max.which", texts, width, dtype=np.int32)
    kernels.pool_max(encoded, lengths, highest, which)
    both = space.take("pooled", texts, 2 * width)
    both[:, :width], both[:, width:] = highest, mean

    def backward(d_both: Floats) -> Floats:
        d_encoded: Floats = space.take("d_encoded", *encoded.shape)
        highest[...], mean[...] = d_both[:, :width], d_both[:, width:]
        kernels.pool_mean_backward(mean, lengths, d_encoded)
        kernels.pool_max_backward(highest, which, d_encoded)
        return d_encoded

    return both, backward
