"""What a batch is to predict, as the losses take it.

A loss takes predictions (n, outputs) and their `Targets`; it returns its gradient with respect to the predictions, and
its value: the weighted mean over the batch that is trained on and logged. The shares of a batch add up to the batch.

In each one's docstring p is a prediction, t its target, w its weight (`objective.sif`, else 1), W the batch's sum of w.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmao.engine.parameters import Floats


@dataclass(frozen=True)
class Targets:
    """What a share of a batch should predict.

    vectors (n, dims) float32; lengths (n,) int64: words of each one's document; weights (n,) float32, which add up to
    `total` over the whole batch; candidates (m, dims): the distinct targets of the whole batch; places (n,) int64:
    which candidate each target is.
    """

    vectors: Floats
    lengths: NDArray[np.int64]
    weights: Floats
    total: float
    candidates: Floats
    places: NDArray[np.int64]

    def share(self, which: slice) -> "Targets":
        """The targets of some of the predictions."""
        return replace(
            self,
            vectors=self.vectors[which],
            lengths=self.lengths[which],
            weights=self.weights[which],
            places=self.places[which],
        )
