"""A finished run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.config.run import Config
from lmao.run.result import Result


@dataclass(frozen=True)
class Finished:
    """A whole run, as it was made in this process."""

    settings: Config
    folder: Path
    result: Result
    output: str


def predictions(folder: Path) -> dict[str, NDArray[Any]]:
    """What a run's predictions.npz holds."""
    with np.load(folder / "predictions.npz") as stored:
        return dict(stored)
