"""A finished run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.config.run import Config
from lmao.data.source import open_source
from lmao.run.result import Result
from lmao.textcat.folds import temper


@dataclass(frozen=True)
class Finished:
    """A whole run, as it was made in this process."""

    settings: Config
    folder: Path
    result: Result
    output: str


def assert_calibrated(run: Finished) -> None:
    """Its temperature is that of the training labels: no other is much better on dev."""
    saved = predictions(run.folder)
    logits = np.log(np.maximum(saved["dev_scores"], 1e-30)).astype(np.float64)
    assert run.result.temperature is not None and run.result.temperature != 1
    assert run.result.dev.log_loss < temper(logits, saved["dev_labels"])[1] + 0.08


def predictions(folder: Path) -> dict[str, NDArray[Any]]:
    """What a run's predictions.npz holds."""
    with np.load(folder / "predictions.npz") as stored:
        return dict(stored)


def dev_texts(run: Finished) -> list[str]:
    """Those that its predictions of dev are of, in their order."""
    texts = [document.text for document in open_source(run.settings.data, run.folder).documents()]
    return [texts[number] for number in predictions(run.folder)["dev_documents"]]
