"""What pre-training has learned: weights and held-out batches come in, the tasks' figures go out."""

from collections.abc import Iterable

import numpy as np

from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters
from lmao.objectives.tasks import Batch
from lmao.pretrain.model import PretrainModel


def measure(model: PretrainModel, weights: Parameters, heldout: Iterable[Batch], space: Workspace) -> dict[str, float]:
    """The tasks' figures by name; where there are several tasks, each name begins with its task's."""
    predictions: list[list[Floats]] = [[] for _ in model.tasks]
    targets: list[list[Floats]] = [[] for _ in model.tasks]
    for batch in heldout:
        for number, (prediction, wanted) in enumerate(model.predict(weights, batch, space)):
            predictions[number].append(prediction)
            targets[number].append(wanted)
    figures: dict[str, float] = {}
    for task, predicted, target in zip(model.tasks, predictions, targets, strict=True):
        wanted = np.concatenate(target)
        measured = task.measure(np.concatenate(predicted), wanted) if len(wanted) else {}
        prefix = f"{task.name}_" if len(model.tasks) > 1 else ""
        figures |= {prefix + name: value for name, value in measured.items()}
    return figures
