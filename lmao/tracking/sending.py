"""What runs kept while MLflow's server was away is sent to it, run by run, once they have ended."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lmao.config.tracking import MlflowTracking
from lmao.errors import Away, Unavailable, UserError
from lmao.passwords import without_passwords
from lmao.tracking.kept import KEPT, call
from lmao.tracking.mlflow_client import is_server, mlflow_errors, open_client
from lmao.tracking.mlflow_run import MlflowTracker
from lmao.tracking.mlflow_store import MlflowStore
from lmao.tracking.trial import NoTrial

LOCK = ".lmao"  # that a run holds in its folder, see `run.folder`


@dataclass
class Trial(NoTrial):
    """Of a run that is sent, which was one."""

    number: int | None
    study: str | None
    parent_run_id: str | None


def send_kept(folders: Iterable[Path], uri: str) -> Iterator[Path]:
    """Send what these folders keep for the store at `uri`, which may have a password, and yield each that is sent.

    Raises:
        UserError: the store is away, or refuses.
    """
    for folder in folders:
        with _held(folder) as lines:
            if lines and lines[0]["tracking"]["uri"] == without_passwords(uri):
                _send(folder, MlflowTracking.model_validate({**lines[0]["tracking"], "uri": uri}), lines)
                yield folder


def send_below(folder: Path, store: object) -> int:
    """What runs in folders below keep for a server, if it is there again. Returns: how many keep something still."""
    if isinstance(store, MlflowStore) and is_server(store.config.uri):
        with suppress(UserError):  # the next one will do
            for _ in send_kept((path.parent for path in sorted(folder.glob(f"*/{KEPT}"))), store.config.uri):
                pass
    return sum(1 for _ in folder.glob(f"*/{KEPT}"))


def kept_for(folder: Path) -> str | None:
    """The store that a folder keeps something for, without its password."""
    with _held(folder) as lines:
        return str(lines[0]["tracking"]["uri"]) if lines else None


@contextmanager
def _held(folder: Path) -> Iterator[list[Any]]:
    """The lines, while no run and no other sender has the folder; none if there are none, or it is in use."""
    if not (folder / KEPT).exists():
        yield []
        return
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield []
        return
    try:
        yield list(_lines(folder / KEPT)) if (folder / KEPT).exists() else []
    finally:
        lock.release()


def _lines(path: Path) -> Iterator[Any]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # a run that was killed while it wrote the last one
            return


def _send(folder: Path, config: MlflowTracking, lines: list[Any]) -> None:
    about, calls = lines[0], lines[1:]
    if about["run_id"] is None:
        tracker = MlflowStore(config).open_run(about["name"], Trial(**about["trial"]), about["key"])
    else:
        with mlflow_errors(config.uri):
            tracker = MlflowTracker(open_client(config.uri), about["run_id"], config.uri)
    there = _steps(config, tracker.run_id)
    if not calls or calls[-1][0] != "close":
        calls = [*calls, ["close", "KILLED"]]  # its process was
    for name, *values in calls:
        if name == "metric" and (values[0], values[2] or 0) in there:
            continue
        try:
            call(tracker, name, *values)
        except Unavailable as error:
            if name != "artifact" or isinstance(error, Away):
                raise  # else a file that is gone, or can't be copied from here, stays where it is
    (folder / KEPT).unlink()


def _steps(config: MlflowTracking, run_id: str) -> set[tuple[str, int]]:
    """The metrics that have arrived, with their steps."""
    with mlflow_errors(config.uri):
        client = open_client(config.uri)
        names = client.get_run(run_id).data.metrics
        return {(name, point.step) for name in names for point in client.get_metric_history(run_id, name)}
