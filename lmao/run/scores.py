"""Scores of documents against their labels: accuracy, macro F, confusion, the 95% interval, and predictions.npz."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, f1_score

Predictions = tuple[NDArray[np.float32], NDArray[np.integer], NDArray[np.integer]]


@dataclass(frozen=True)
class Score:
    """`confusion[i][j]`: examples of class i that were predicted as class j."""

    accuracy: float
    macro_f: float
    examples: int
    confusion: list[list[int]]


def score(scores: NDArray[np.float32], labels: NDArray[np.integer]) -> Score:
    """Judge `scores` (n, k) against `labels` (n,), n > 0; on a tie the first class is predicted."""
    predicted = scores.argmax(axis=1)
    classes = list(range(scores.shape[1]))
    return Score(
        accuracy=float((predicted == labels).mean()),
        macro_f=float(f1_score(labels, predicted, labels=classes, average="macro", zero_division=0.0)),
        examples=len(labels),
        confusion=confusion_matrix(labels, predicted, labels=classes).tolist(),
    )


def wilson_interval(accuracy: float, examples: int) -> tuple[float, float]:
    """The 95% interval of an accuracy measured on so many examples (Wilson 1927)."""
    interval = binomtest(round(accuracy * examples), examples).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def write_predictions(path: Path, dev: Predictions, test: Predictions | None) -> None:
    """Write an .npz of dev_scores (n, k), dev_labels (n,), dev_documents (n,), and the same of test where there is one.

    The file appears whole or not at all.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for part, predictions in (("dev", dev), ("test", test)):
        if predictions is not None:
            for name, values in zip(("scores", "labels", "documents"), predictions, strict=True):
                arrays[f"{part}_{name}"] = values
    _write_whole(path, arrays)


def _write_whole(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    temporary = path.with_name(f".{path.name}")
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise
