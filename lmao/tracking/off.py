"""tracking=off: takes everything, keeps nothing."""

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from lmao.tracking.trial import RunTrial


class NullTracker:
    run_id: str | None = None
    destination = "nowhere"

    def parameters(self, values: Mapping[str, Any]) -> None: ...
    def tags(self, values: Mapping[str, str]) -> None: ...
    def dataset(self, name: str, digest: str, source: str, context: str) -> None: ...
    def metric(self, name: str, value: float, step: int | None = None) -> None: ...
    def artifact(self, path: Path) -> None: ...
    def close(self, status: str) -> None: ...


class NullStore:
    uri: str | None = None
    command: str | None = None

    def prepare(self, storage: str) -> None: ...

    def open_run(self, name: str, trial: RunTrial) -> NullTracker:
        return NullTracker()

    def open_study(self, study: str, key: str, values: Mapping[str, Any], run_id: str | None, done: bool) -> str | None:
        return None

    def end_study(
        self, run_id: str | None, status: str, best: Mapping[str, Any], accuracy: float | None,
        files: Iterable[Path], warn: Callable[[str], None],
    ) -> None: ...  # fmt: skip

    def end_lost(self, run_id: str | None, failed: Collection[int]) -> None: ...
