"""A tracker of one's own, the example of the docs: what is reported becomes lines of JSON in one file."""

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from lmao.config.run import flat
from lmao.config.tracking import Tracking
from lmao.errors import Unavailable
from lmao.passwords import without_passwords
from lmao.tracking.tracker import copy_files
from lmao.tracking.trial import RunTrial


class JsonLinesTracking(Tracking):
    """Its settings: the class that lmao/config/tracking.py gets."""

    name: Literal["json_lines"]
    path: str


class JsonLinesTracker:
    """One run. Each of its lines names it, so that several processes may write at once."""

    def __init__(self, path: Path, run_id: str) -> None:
        self.run_id = run_id
        self.destination = str(path)
        self._path = path

    def parameters(self, values: Mapping[str, Any]) -> None:
        self.write(parameters=flat(values))

    def tags(self, values: Mapping[str, str]) -> None:
        self.write(tags=dict(values))

    def dataset(self, name: str, digest: str, source: str, context: str) -> None:
        self.write(dataset={"name": name, "digest": digest, "source": source, "context": context})

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        self.write(metric=name, value=float(value), step=step)

    def artifact(self, path: Path) -> None:
        self.write(artifact=str(path))  # it stays where it is

    def close(self, status: str) -> None:
        self.write(status=status)

    def write(self, **line: Any) -> None:
        with _errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(without_passwords(json.dumps({"run": self.run_id, **line})) + "\n")


class JsonLinesStore:
    """All runs and studies of the file."""

    uri = None

    def __init__(self, config: JsonLinesTracking) -> None:
        self._path = Path(config.path)
        self.command = f"cat {config.path}"

    def prepare(self, storage: str) -> None:
        with _errors(self._path):
            self._path.touch()

    def open_run(self, name: str, trial: RunTrial) -> JsonLinesTracker:
        return self._begin(name, uuid.uuid4().hex, study=trial.study, parent=trial.parent_run_id, trial=trial.number)

    def open_study(self, study: str, key: str, values: Mapping[str, Any], run_id: str | None, done: bool) -> str:
        """The key is the id."""
        if any(line["run"] == key for line in self.lines()):
            if not done:
                JsonLinesTracker(self._path, key).close("RUNNING")
            return key
        tracker = self._begin(study, key, study=study)
        tracker.parameters(values)
        return tracker.run_id

    def end_study(
        self, run_id: str | None, status: str, best: Mapping[str, Any], accuracy: float | None,
        files: Iterable[Path], warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        if run_id is None:
            return
        tracker = JsonLinesTracker(self._path, run_id)
        tracker.write(best=dict(best), accuracy=accuracy)
        copy_files(tracker, files, warn)
        tracker.close(status)

    def end_lost(self, run_id: str | None, failed: Collection[int]) -> None:
        if run_id is None:
            return
        runs: dict[str, dict[str, Any]] = {}  # all that was said of each, the last word of each kind
        for line in self.lines():
            if line.get("parent") == run_id or line["run"] in runs:
                runs.setdefault(line["run"], {}).update(line, **line.get("tags", {}))
        for run, said in runs.items():
            if said["trial"] in failed and (said.get("state") != "FAIL" or "status" not in said):
                tracker = JsonLinesTracker(self._path, run)
                tracker.tags({"state": "FAIL"})
                tracker.close("KILLED")

    def lines(self) -> list[dict[str, Any]]:
        """All that was reported, the oldest first."""
        with _errors(self._path):
            return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]

    def _begin(self, name: str, run_id: str, **about: Any) -> JsonLinesTracker:
        tracker = JsonLinesTracker(self._path, run_id)
        tracker.write(name=name, **about)
        return tracker


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn what the disk raises into one line."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"tracking.path={path}: {error.strerror}: give a file that can be written") from None
