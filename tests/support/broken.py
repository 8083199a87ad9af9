"""LMAO_BROKEN=<name>: lmao without one of its safeguards, in this process and in those that tests start, to see which
test turns red: `LMAO_BROKEN=copies python -m pytest -p tests.support.broken tests/faults/test_whole.py`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

VARIABLE = "LMAO_BROKEN"


def copies() -> None:
    """A file or folder comes to its place bit by bit."""

    def copied(source: str, place: str) -> None:
        if os.path.isdir(source):
            shutil.copytree(source, place)
            shutil.rmtree(source)
            return
        with open(source, "rb") as file:
            content = file.read()
        half = len(content) // 2
        for part, mode in ((content[:half], "wb"), (content[half:], "ab")):
            with open(place, mode) as file:
                file.write(part)
        os.remove(source)

    os.replace = os.rename = copied  # type: ignore[assignment]


def digests() -> None:
    """What is in the cache is believed."""
    from lmao import cache, manifest

    cache.require_same = manifest.require_same = lambda folder, files: None  # type: ignore[attr-defined]


def moments() -> None:
    """Of a pre-training that is resumed the optimizer begins again."""
    from lmao.engine.optimizer import Adam

    whole = Adam.arrays

    def arrays(self: Adam) -> dict[str, Any]:
        return {name: 0 * one if name in ("first", "second") else one for name, one in whole(self).items()}

    Adam.arrays = arrays  # type: ignore[method-assign]


def alone() -> None:
    """Nothing that one process does at a time is locked."""
    from lmao import database
    from lmao.sweep import parent, study
    from lmao.tracking import mlflow_client

    @contextmanager
    def exclusive(url: str) -> Iterator[None]:
        yield

    for module in (database, parent, study, mlflow_client):
        module.exclusive = exclusive  # type: ignore[attr-defined]


def lost_runs() -> None:
    """Runs that are RUNNING are listed first, then the trials that are."""
    from optuna.trial import TrialState

    from lmao.sweep.parent import ParentRun
    from lmao.tracking.mlflow_client import open_client
    from lmao.tracking.mlflow_store import PARENT_TAG, TRIAL_TAG

    def end_lost_runs(self: Any) -> None:
        client = open_client(self._store.uri)
        query = f"tags.`{PARENT_TAG}` = '{self.run_id}' and attributes.status = 'RUNNING'"
        listed = client.search_runs([client.get_run(self.run_id).info.experiment_id], query)
        running = self._study.numbers(TrialState.RUNNING)
        for run in listed:
            if int(run.data.tags[TRIAL_TAG]) not in running:
                client.set_tag(run.info.run_id, "state", "FAIL")
                client.set_terminated(run.info.run_id, "KILLED")

    ParentRun.end_lost_runs = end_lost_runs  # type: ignore[method-assign]


BREAKAGES = {one.__name__: one for one in (copies, digests, moments, alone, lost_runs)}

if VARIABLE in os.environ:
    BREAKAGES[os.environ[VARIABLE]]()
