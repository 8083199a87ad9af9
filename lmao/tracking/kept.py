"""Runs outlive an MLflow server that is away: what they report meanwhile is kept in their folders, to be sent later."""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from lmao.config.run import flat
from lmao.errors import Away
from lmao.passwords import without_passwords
from lmao.stop import StopSignal
from lmao.tracking.mlflow_client import is_server
from lmao.tracking.mlflow_run import MlflowTracker, as_text, now
from lmao.tracking.mlflow_store import MlflowStore
from lmao.tracking.tracker import Tracker
from lmao.tracking.trial import RunTrial

KEPT = "tracking.jsonl"  # in a run's folder: what run it is, then a call of its tracker a line
LATER = "python -m lmao.sync sends it, or the next worker"


class OpensRuns(Protocol):
    def open_run(self, name: str, trial: RunTrial) -> Tracker:
        """As `TrackingStore` has it."""


def outliving(store: OpensRuns, folder: Path, warn: Callable[[str], None]) -> OpensRuns:
    """The store, whose runs go on without it if it is a server; what they report is kept in `folder`."""
    if isinstance(store, MlflowStore) and is_server(store.config.uri):
        return _Outliving(store, folder, warn)
    return store


class _Outliving:
    def __init__(self, store: MlflowStore, folder: Path, warn: Callable[[str], None]) -> None:
        self._store, self._folder, self._warn = store, folder, warn

    def open_run(self, name: str, trial: RunTrial) -> Tracker:
        """A trial's run can be opened later; for another the address may be wrong."""
        found: MlflowTracker | Away
        key = uuid.uuid4().hex  # the run may be made by a call whose answer is lost
        try:
            found = self._store.open_run(name, trial, key)
        except Away as error:
            if trial.number is None:
                raise
            found = error
        about = {
            "tracking": {**self._store.config.model_dump(), "uri": without_passwords(self._store.config.uri)},
            "name": name,
            "trial": {"number": trial.number, "study": trial.study, "parent_run_id": trial.parent_run_id},
            "run_id": found.run_id if isinstance(found, MlflowTracker) else None,
            "key": key,
        }
        return KeptTracker(found, about, self._folder / KEPT, self._warn)


class KeptTracker:
    """MLflow's, until it is away; then a file. All calls are remembered, since what the server was sent last may not
    have arrived; sent again they change nothing.

    tracker: or the error for which it can't be opened.
    """

    destination = "MLflow"

    def __init__(
        self, tracker: MlflowTracker | Away, about: Mapping[str, Any], path: Path, warn: Callable[[str], None]
    ) -> None:
        self.run_id: str | None = about["run_id"]
        self._tracker = tracker if isinstance(tracker, MlflowTracker) else None
        self._path, self._warn = path, warn
        self._lines: list[Any] = [dict(about)]
        if isinstance(tracker, Away):
            self._leave(tracker)

    def parameters(self, values: Mapping[str, Any]) -> None:
        texts = {name: without_passwords(as_text(value)) for name, value in flat(values).items()}
        self._call("parameters", texts)

    def tags(self, values: Mapping[str, str]) -> None:
        self._call("tags", dict(values))

    def dataset(self, name: str, digest: str, source: str, context: str) -> None:
        self._call("dataset", name, digest, source, context)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        self._call("metric", name, float(value), step, now())

    def artifact(self, path: Path) -> None:
        self._call("artifact", str(path))

    def close(self, status: str) -> None:
        self._call("close", status)

    def _call(self, name: str, *values: Any) -> None:
        with StopSignal.uninterrupted():
            self._lines.append([name, *values])
            if self._tracker is None:
                self._write()
                return
            try:
                call(self._tracker, name, *values)
            except Away as error:
                self._leave(error)

    def _leave(self, error: Away) -> None:
        if self._tracker is not None:
            self._tracker.abandon()
            self._tracker = None
        self._write()
        self._warn(f"MLflow is away ({error.what}): what the run reports is kept in {self._path}; {LATER}")

    def _write(self) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in self._lines))
        self._lines.clear()


def call(tracker: MlflowTracker, name: str, *values: Any) -> None:
    """A call as a line has it."""
    calls: Mapping[str, Callable[..., None]] = {
        "parameters": tracker.parameters,
        "tags": tracker.tags,
        "dataset": tracker.dataset,
        "metric": tracker.metric,
        "artifact": lambda path: tracker.artifact(Path(path)),
        "close": tracker.close,
    }
    calls[name](*values)
