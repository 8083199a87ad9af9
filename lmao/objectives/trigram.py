"""The word and its neighbours: cosine distance to the vectors of the previous, the own and the next word."""

from dataclasses import replace

import numpy as np

from lmao.engine.parameters import Floats
from lmao.objectives.cosine import cosine
from lmao.objectives.targets import Targets

PARTS = 3


def trigram(prediction: Floats, targets: Targets) -> tuple[Floats, float]:
    """See `losses`: the mean of `cosine` over the parts of a target that are there.

    prediction and target are (n, 3 * dims), three vectors side by side; zeros where there is none, at a text's border
    or for a word without a vector: such a part has no loss and no gradient.
    """
    n, outputs = prediction.shape
    shape = (n * PARTS, outputs // PARTS)
    vectors = targets.vectors.reshape(shape)
    there = vectors.any(axis=1).reshape(n, PARTS)
    weights = there * (targets.weights / np.maximum(there.sum(axis=1), 1).astype(np.float32))[:, None]
    parts = replace(targets, vectors=vectors, lengths=np.repeat(targets.lengths, PARTS), weights=weights.reshape(-1))
    gradient, loss = cosine(prediction.reshape(shape), parts)
    return gradient.reshape(n, outputs), loss
