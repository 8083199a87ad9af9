"""What a run reports about itself, while it runs: parameters, metrics and files."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from lmao.errors import UserError


class Tracker(Protocol):
    """One run. It never decides anything: a run with another tracker computes the same.

    Raises:
        UserError: in any method: what was reported could not be stored.
    """

    @property
    def run_id(self) -> str | None:
        """The id under which it is found again; None if nothing is kept."""

    @property
    def destination(self) -> str:
        """What a user calls the place: "MLflow"."""

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Plain values; nested mappings become dotted keys."""

    def tags(self, values: Mapping[str, str]) -> None: ...

    def dataset(self, name: str, digest: str, source: str, context: str) -> None:
        """An input of the run; `context` says what for ("training", "pretraining")."""

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Called within the training loop, which doesn't wait for a disk or a network."""

    def artifact(self, path: Path) -> None:
        """Copy a file or a folder."""

    def close(self, status: str) -> None:
        """Nothing more comes. status: FINISHED, FAILED or KILLED; RUNNING if others continue it."""


def copy_files(tracker: Tracker, paths: Iterable[Path], warn: Callable[[str], None]) -> None:
    """Copy files to the store; if one can't be copied, one line says so, and it and the rest stay where they are."""
    for path in paths:
        try:
            tracker.artifact(path)
        except UserError as error:
            warn(f"{path} is not copied to {tracker.destination}: {error}")
            return
