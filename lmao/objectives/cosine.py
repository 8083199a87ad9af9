"""Cosine distance, as in spaCy's PretrainVectors: 1 - cos(prediction, target), the mean over the predictions."""

import numpy as np

from lmao.engine.parameters import Floats
from lmao.objectives.targets import Targets

SMALL = np.float32(1e-8)  # added to every number, as in thinc's CosineDistance


def cosine(prediction: Floats, targets: Targets) -> tuple[Floats, float]:
    """See `losses`. Targets are not zero."""
    p = prediction + SMALL
    t = targets.vectors + SMALL
    p_norm = np.sqrt(np.einsum("ij,ij->i", p, p))[:, None]
    t_norm = np.sqrt(np.einsum("ij,ij->i", t, t))[:, None]
    similarity = np.einsum("ij,ij->i", p, t)[:, None] / (p_norm * t_norm)
    weights = targets.weights[:, None] / np.float32(targets.total)
    gradient: Floats = (similarity * p / p_norm**2 - t / (p_norm * t_norm)) * weights
    return gradient, float(((1 - similarity) * weights).sum())
