"""Scores of documents against their labels: accuracy, macro F, calibration, confusion, and predictions.npz."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, f1_score

from lmao.files import write_whole

BINS, FILLED = 10, 50  # bins at most, and examples in each
TINY = 1e-12  # a score below it counts as that

Predictions = tuple[NDArray[np.float32], NDArray[np.integer], NDArray[np.integer]]


@dataclass(frozen=True)
class Score:
    """`confusion[i][j]`: examples of class i that were predicted as class j. log_loss: in nats an example."""

    accuracy: float
    macro_f: float
    log_loss: float
    calibration_error: float
    examples: int
    confusion: list[list[int]]


def score(scores: NDArray[np.float32], labels: NDArray[np.integer]) -> Score:
    """Judge `scores` (n, k) against `labels` (n,), n > 0; on a tie the first class is predicted."""
    predicted = scores.argmax(axis=1)
    classes = list(range(scores.shape[1]))
    return Score(
        accuracy=float((predicted == labels).mean()),
        macro_f=float(f1_score(labels, predicted, labels=classes, average="macro", zero_division=0.0)),
        log_loss=float(losses(scores, labels).mean()),
        calibration_error=calibration_error(scores, labels),
        examples=len(labels),
        confusion=confusion_matrix(labels, predicted, labels=classes).tolist(),
    )


def losses(scores: NDArray[np.float32], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """-log (n,) of what `scores` (n, k) give the labels (n,)."""
    own = scores[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(own, TINY)))


def calibration_error(scores: NDArray[np.float32], labels: NDArray[np.integer]) -> float:
    """The expected calibration error of `scores` (n, k): |mean of the highest score - accuracy|, as a mean over bins.

    The bins hold equally many examples, ordered by their highest score (Nguyen & O'Connor 2015): ten, or fewer, so that
    each has 50. By chance alone a perfectly calibrated model has about 0.03 on 500 examples or fewer, and 0.7 / sqrt(n)
    on more.
    """
    highest = scores.max(axis=1).astype(np.float64)
    gaps = (highest - (scores.argmax(axis=1) == labels))[np.argsort(highest, kind="stable")]
    bins = np.array_split(gaps, max(1, min(BINS, len(gaps) // FILLED)))
    return float(sum(abs(part.sum()) for part in bins) / len(gaps))


def wilson_interval(accuracy: float, examples: int) -> tuple[float, float]:
    """The 95% interval of an accuracy measured on so many examples (Wilson 1927)."""
    interval = binomtest(round(accuracy * examples), examples).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def write_predictions(path: Path, dev: Predictions, test: Predictions | None) -> None:
    """Write an .npz of dev_scores (n, k), dev_labels (n,), dev_documents (n,), and the same of test where there is one.

    documents are the texts' numbers among all that the source has, in its order.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for part, predictions in (("dev", dev), ("test", test)):
        if predictions is not None:
            for name, values in zip(("scores", "labels", "documents"), predictions, strict=True):
                arrays[f"{part}_{name}"] = values
    write_arrays(path, arrays)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz whole or not at all."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_whole(path, content.getvalue())


def read_predictions(path: Path) -> dict[str, NDArray[Any]]:
    """What `write_predictions` wrote."""
    with np.load(path, allow_pickle=False) as saved:
        return dict(saved)
