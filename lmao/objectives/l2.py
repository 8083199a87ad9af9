"""Squared distance: the original of language modelling with approximate outputs."""

from typing import Any

import numpy as np

from lmao.engine.parameters import Floats
from lmao.objectives.targets import Targets


def l2(prediction: Floats, targets: Targets) -> tuple[Floats, float]:
    """Half the squared distance to the target, divided by the length of the word's document.

        Σ w |p - t|² / (2 len)        gradient: w (p - t) / len

    Source: the update of the first `spacy pretrain` (Honnibal 2018).
    Needs: `vectors` (n, dims) and `lengths` (n,), the words of each one's document. It is a sum, not divided by W: a
    batch of more documents has a larger loss, and a rare word's long vector a larger gradient.
    Relates to: `cosine`, which forgets lengths and is a mean.
    Example: python train.py +recipe=words objective=l2
    """
    difference: Floats = prediction - targets.vectors
    weights: Any = targets.weights / targets.lengths
    gradient: Floats = (difference * weights[:, None]).astype(prediction.dtype)
    return gradient, float(0.5 * np.einsum("ij,ij->i", difference, gradient).sum())
