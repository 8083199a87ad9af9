"""The original LMAO update (Honnibal 2018): d_loss = (prediction - target) / len(doc)."""

import numpy as np
from numpy.typing import NDArray

from lmao.parameters import Floats


def l2(prediction: Floats, target: Floats, lengths: NDArray[np.int64], predicted: int) -> tuple[Floats, float]:
    """See `lmao.objectives`: half the squared distance, divided by the length of the word's document."""
    difference: Floats = prediction - target
    words: Floats = lengths.astype(np.float32)[:, None]
    gradient: Floats = difference / words
    return gradient, float(0.5 * np.einsum("ij,ij->i", difference, gradient).sum())
