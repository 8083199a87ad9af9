"""What pre-training predicts, and how far off it is.

An objective takes predictions and targets (words, dims), the length of each word's document (words,) and how many words
the whole batch predicts; it returns the gradient of the loss by the prediction, and the loss: the one that is trained
on, and logged. Shares of a batch add up to the batch.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmao import config
from lmao.objectives.cosine import cosine
from lmao.objectives.l2 import l2
from lmao.parameters import Floats

Objective = Callable[[Floats, Floats, NDArray[np.int64], int], tuple[Floats, float]]

OBJECTIVES: dict[str, Objective] = {"cosine": cosine, "l2": l2}


def open_objective(settings: config.Objective) -> Objective:
    return OBJECTIVES[settings.name]
