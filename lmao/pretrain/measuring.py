"""What pre-training has learned: weights and held-out batches come in, the tasks' figures go out."""

from collections.abc import Iterable, Sequence

import numpy as np

from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters
from lmao.objectives.tasks import Batch, Task
from lmao.pretrain.model import PretrainModel


def measure(model: PretrainModel, weights: Parameters, heldout: Iterable[Batch], space: Workspace) -> dict[str, float]:
    """The tasks' figures by name; where there are several tasks, each name begins with its task's."""
    predictions: list[list[Floats]] = [[] for _ in model.tasks]
    targets: list[list[Floats]] = [[] for _ in model.tasks]
    for batch in heldout:
        for number, (prediction, expected) in enumerate(model.predict(weights, batch, space)):
            predictions[number].append(prediction)
            targets[number].append(expected)
    figures: dict[str, float] = {}
    for task, predicted, target in zip(model.tasks, predictions, targets, strict=True):
        expected = np.concatenate(target)
        measured = task.measure(np.concatenate(predicted), expected) if len(expected) else {}
        figures |= {_prefix(task, model.tasks) + name: value for name, value in measured.items()}
    return figures


def labels(tasks: Sequence[Task]) -> dict[str, str]:
    """What the screen calls these figures, as far as the tasks say so."""
    found: dict[str, str] = {}
    for task in tasks:
        prefix = _prefix(task, tasks)
        found |= {prefix + name: prefix.replace("_", " ") + label for name, label in task.labels.items()}
    return found


def _prefix(task: Task, tasks: Sequence[Task]) -> str:
    return f"{task.name}_" if len(tasks) > 1 else ""
