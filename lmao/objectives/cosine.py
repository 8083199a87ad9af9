"""Cosine distance: a prediction counts by its direction alone."""

import numpy as np

from lmao.engine.parameters import Floats
from lmao.objectives.targets import Targets

SMALL = np.float32(1e-8)  # added to every number, as in thinc's CosineDistance


def cosine(prediction: Floats, targets: Targets) -> tuple[Floats, float]:
    """Cosine distance to the target.

        Σ w (1 - p·t / (|p| |t|)) / W

    Source: spaCy's `PretrainVectors` with loss="cosine"; the numbers are those of thinc's `CosineDistance`.
    Needs: `vectors` (n, dims), no row of which is zero.
    Relates to: `l2`, where lengths count as well; `vmf`, whose prediction's length says how sure it is; `contrastive`,
    which also pushes away from the other targets. `trigram`, `document` and objective=head use it for other targets.
    Example: python train.py +recipe=words objective=cosine
             python train.py objective=head objective.parser=en_core_web_sm
    """
    p = prediction + SMALL
    t = targets.vectors + SMALL
    p_norm = np.sqrt(np.einsum("ij,ij->i", p, p))[:, None]
    t_norm = np.sqrt(np.einsum("ij,ij->i", t, t))[:, None]
    similarity = np.einsum("ij,ij->i", p, t)[:, None] / (p_norm * t_norm)
    weights = targets.weights[:, None] / np.float32(targets.total)
    gradient: Floats = (similarity * p / p_norm**2 - t / (p_norm * t_norm)) * weights
    return gradient, float(((1 - similarity) * weights).sum())
