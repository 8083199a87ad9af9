"""Language Modelling with Approximate Outputs: an experiment framework."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmao.version import __version__ as __version__

if TYPE_CHECKING:
    from lmao.estimator import TextClassifier as TextClassifier
    from lmao.trained.loaded import LoadedClassifier


def load(path: str | Path, threads: int | None = None) -> "LoadedClassifier":
    """What the run in a folder chose, to classify new texts with, see `LoadedClassifier`.

    threads: None for as many as this process may use.

    Raises:
        UserError: there is none, a file of it is damaged, or another version of lmao wrote it.
    """
    from lmao.trained.loaded import load as load_classifier  # not before it is needed: it takes seconds

    return load_classifier(path, threads)


def __getattr__(name: str) -> Any:
    """`lmao.TextClassifier`, imported when it is first needed."""
    if name == "TextClassifier":
        from lmao.estimator import TextClassifier

        return TextClassifier
    raise AttributeError(f"module 'lmao' has no attribute '{name}'")
