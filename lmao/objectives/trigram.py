"""The word and its neighbours: cosine distance to the vectors of the previous, the own and the next word."""

from dataclasses import replace

import numpy as np

from lmao.engine.parameters import Floats
from lmao.objectives.cosine import cosine
from lmao.objectives.targets import Targets

PARTS = 3


def trigram(prediction: Floats, targets: Targets) -> tuple[Floats, float]:
    """Cosine distance to three vectors side by side: of the previous word, the masked one, and the next.

        Σ w mean_i (1 - cos(p_i, t_i)) / W,    i: the parts that there are

    Source: ours; that a word predicts its neighbours is skip-gram's idea (Mikolov et al. 2013).
    Needs: `vectors` (n, 3 * dims). A part is zeros where there is none, at a text's border or for a word without a
    vector: it has no loss and no gradient.
    Relates to: `cosine`, which it is for each part.
    Example: python train.py +recipe=words objective=trigram
    """
    n, outputs = prediction.shape
    shape = (n * PARTS, outputs // PARTS)
    vectors = targets.vectors.reshape(shape)
    there = vectors.any(axis=1).reshape(n, PARTS)
    weights = there * (targets.weights / np.maximum(there.sum(axis=1), 1).astype(np.float32))[:, None]
    parts = replace(targets, vectors=vectors, lengths=np.repeat(targets.lengths, PARTS), weights=weights.reshape(-1))
    gradient, loss = cosine(prediction.reshape(shape), parts)
    return gradient.reshape(n, outputs), loss
