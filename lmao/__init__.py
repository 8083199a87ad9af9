"""Language Modelling with Approximate Outputs: an experiment framework."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmao.textcat.loaded import LoadedClassifier

__version__ = "0.1.0"


def load(path: str | Path, threads: int | None = None) -> "LoadedClassifier":
    """What the run in a folder chose, to classify new texts with, see `LoadedClassifier`.

    threads: None for as many as this process may use.

    Raises:
        UserError: there is none, a file of it is damaged, or another version of lmao wrote it.
    """
    from lmao.textcat.loaded import load as load_classifier  # not before it is needed: it takes seconds

    return load_classifier(path, threads)
