"""Where a run's parameters, metrics and files go: the protocol, and its null twin."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from lmao.errors import UserError


class Tracker(Protocol):
    """What a run tells about itself, while it runs."""

    run_id: str | None

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Plain values; nested mappings become dotted keys."""

    def tags(self, values: Mapping[str, str]) -> None: ...

    def dataset(self, name: str, digest: str, source: str, context: str) -> None:
        """An input of the run; `context` says what for ("training", "pretraining")."""

    def metric(self, name: str, value: float, step: int | None = None) -> None: ...

    def artifact(self, path: Path) -> None:
        """Copy a file or a folder."""


class NullTracker:
    """For tracking=off: takes everything, keeps nothing."""

    run_id: str | None = None

    def parameters(self, values: Mapping[str, Any]) -> None: ...
    def tags(self, values: Mapping[str, str]) -> None: ...
    def dataset(self, name: str, digest: str, source: str, context: str) -> None: ...
    def metric(self, name: str, value: float, step: int | None = None) -> None: ...
    def artifact(self, path: Path) -> None: ...


def copy_files(tracker: Tracker, paths: Iterable[Path], warn: Callable[[str], None]) -> None:
    """To the store; the first that can't be copied is told in one line, and the rest stay where they are too."""
    for path in paths:
        try:
            tracker.artifact(path)
        except UserError as error:
            warn(f"{path} is not copied to MLflow: {error}")
            return
