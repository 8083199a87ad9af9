"""A study's run in MLflow and the runs of its trials, which may end while another worker looks for lost ones."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState

from lmao.config.tracking import MlflowTracking
from lmao.errors import Diverged, Pruned
from lmao.sweep.parent import ParentRun
from lmao.sweep.study import SharedStudy
from lmao.sweep.trial import Spec, StoredTrial
from lmao.tracking.mlflow import open_tracker

ATTRIBUTES = {"sampler": "random", "space": {}, "science": {}, "commit": "0123abc"}
ENDS = {  # how a run ends that becomes such a trial, and what MLflow then says of it
    TrialState.COMPLETE: (None, ("FINISHED", "COMPLETE")),
    TrialState.PRUNED: (Pruned("below the median"), ("KILLED", "PRUNED")),
    TrialState.FAIL: (Diverged("loss is not finite"), ("FAILED", "FAIL")),
}


class Worker:
    """One of a study's workers, and the run of the trial that it is at."""

    def __init__(self, folder: Path) -> None:
        uri = f"sqlite:///{folder}/mlflow.db"
        self.tracking = MlflowTracking(name="mlflow", uri=uri, experiment="lmao", study=None, keep_models="best")
        random = optuna.samplers.RandomSampler()
        self.study = SharedStudy(f"sqlite:///{folder}/optuna.db", "s", folder / "study", lambda place: random)
        self.study.prepare({}, ATTRIBUTES, 3, [])
        self.parent = ParentRun(self.study, self.tracking, pytest.fail)
        self.client = MlflowClient(tracking_uri=uri)
        self._run = ExitStack()

    def begin(self) -> str:
        """Claim a trial and open its run. Returns: the run's id."""
        [self.trial], _ = self.study.claim(1, lambda trial: None, own_seeds=True)
        pruner = {"_target_": "optuna.pruners.NopPruner"}
        spec = Spec(
            self.study.url, "s", self.trial.number, self.trial._trial_id, pruner, False, self.parent.run_id, "."
        )
        tracker = self._run.enter_context(open_tracker(self.tracking, "a trial", StoredTrial(spec)))
        assert tracker.run_id is not None
        return tracker.run_id

    def end(self, state: TrialState) -> None:
        """As a sweep does it: first the run, then the trial."""
        error, _ = ENDS[state]
        with suppress(Pruned, Diverged), self._run:
            if error is not None:
                raise error
        self.study.tell(self.trial, state, 0.5 if error is None else None)

    def look_for_the_lost(self) -> None:
        self.study.claim(0, lambda trial: None, own_seeds=True)
        self.parent.end_lost_runs()

    def said(self, run_id: str) -> tuple[str, str | None]:
        """MLflow's status and our state of a run."""
        run = self.client.get_run(run_id)
        return run.info.status, run.data.tags.get("state")


@pytest.fixture
def workers(mlflow_database: Path, tmp_path: Path) -> Iterator[tuple[Worker, Worker]]:
    shutil.copy(mlflow_database, tmp_path)
    both = Worker(tmp_path), Worker(tmp_path)
    yield both
    for worker in both:
        worker.study.close()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("state", ENDS)
def test_a_trial_that_ends_while_lost_runs_are_looked_for_keeps_its_end(
    state: TrialState, moment: str, workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just before or just after MLflow lists the runs that are RUNNING."""
    worker, other = workers
    run_id = worker.begin()
    search = MlflowClient.search_runs

    def searching(*arguments: Any, **named: Any) -> Any:
        if moment == "before":
            worker.end(state)
        found = search(*arguments, **named)
        if moment == "after":
            worker.end(state)
        return found

    monkeypatch.setattr(MlflowClient, "search_runs", searching)
    other.look_for_the_lost()
    assert worker.said(run_id) == ENDS[state][1]


def test_a_trial_that_still_runs_is_left_alone(workers: tuple[Worker, Worker]) -> None:
    worker, other = workers
    run_id = worker.begin()
    other.look_for_the_lost()
    assert worker.said(run_id) == ("RUNNING", None)
    worker.end(TrialState.COMPLETE)


def test_the_run_of_a_killed_worker_is_killed_too(workers: tuple[Worker, Worker]) -> None:
    worker, other = workers
    run_id = worker.begin()
    worker.study._worker._lock.release()  # what the system does when a worker is killed
    other.look_for_the_lost()
    assert worker.said(run_id) == ("KILLED", "FAIL")
