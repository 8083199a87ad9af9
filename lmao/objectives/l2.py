"""The original LMAO update (Honnibal 2018): d_loss = (prediction - target) / len(doc)."""

from typing import Any

import numpy as np

from lmao.engine.parameters import Floats
from lmao.objectives.targets import Targets


def l2(prediction: Floats, targets: Targets) -> tuple[Floats, float]:
    """See `losses`: half the squared distance, divided by the length of the word's document, not `total`."""
    difference: Floats = prediction - targets.vectors
    weights: Any = targets.weights / targets.lengths
    gradient: Floats = (difference * weights[:, None]).astype(prediction.dtype)
    return gradient, float(0.5 * np.einsum("ij,ij->i", difference, gradient).sum())
