"""What a run needs from the sweep that it may belong to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class RunTrial(Protocol):
    """The trial that a run is, or none: `number` is None for a run of its own."""

    number: int | None
    study: str | None
    parent_run_id: str | None  # the study's run, where runs are recorded

    def begin(self, folder: Path, run_id: str | None, commit: str) -> None: ...

    def look_up(self, inputs: Mapping[str, str], sources: str) -> None:
        """Remember what this run depends on: digests of its inputs, and of the code.

        Raises:
            AlreadyRun: another trial of the study has run the same, its accuracy will do.
        """

    def progress(self, stage: str, share: float | None) -> None:
        """Where the run is, for who watches the study: the line on the screen, and how much of it is done, 0 to 1,
        where that is known. Called often: it waits for nothing."""

    def report(self, epoch: int, accuracy: float) -> None:
        """Raises Pruned if the trial isn't worth continuing."""

    def end(self, seconds: float, epochs: int) -> None: ...


class NoTrial:
    """The null twin, for a run that is no trial."""

    number: int | None = None
    study: str | None = None
    parent_run_id: str | None = None

    def begin(self, folder: Path, run_id: str | None, commit: str) -> None: ...
    def look_up(self, inputs: Mapping[str, str], sources: str) -> None: ...
    def progress(self, stage: str, share: float | None) -> None: ...
    def report(self, epoch: int, accuracy: float) -> None: ...
    def end(self, seconds: float, epochs: int) -> None: ...
