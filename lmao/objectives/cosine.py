"""Cosine distance, as in spaCy's PretrainVectors: 1 - cos(prediction, target), the mean over the predicted words."""

import numpy as np
from numpy.typing import NDArray

from lmao.parameters import Floats

SMALL = np.float32(1e-8)  # added to every number, as in thinc's CosineDistance


def cosine(prediction: Floats, target: Floats, lengths: NDArray[np.int64], predicted: int) -> tuple[Floats, float]:
    """See `lmao.objectives`. Targets are not zero."""
    p = prediction + SMALL
    t = target + SMALL
    p_norm = np.sqrt(np.einsum("ij,ij->i", p, p))[:, None]
    t_norm = np.sqrt(np.einsum("ij,ij->i", t, t))[:, None]
    similarity = np.einsum("ij,ij->i", p, t)[:, None] / (p_norm * t_norm)
    gradient: Floats = (similarity * p / p_norm**2 - t / (p_norm * t_norm)) / np.float32(predicted)
    return gradient, float((1 - similarity).sum() / predicted)
