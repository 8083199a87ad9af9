"""A study's run in MLflow and the runs of its trials, which may end while another worker looks for lost ones."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event

from lmao.config.tracking import MlflowTracking
from lmao.errors import Diverged, Pruned
from lmao.stop import Stopped, StopSignal
from lmao.sweep.records import StudyAttribute
from lmao.tracking.mlflow_store import MlflowStore
from lmao.tracking.store import tracked_run
from tests.support.workers import Worker

ENDS = {  # how a run ends that becomes such a trial, and what MLflow then says of it
    TrialState.COMPLETE: (None, ("FINISHED", "COMPLETE")),
    TrialState.PRUNED: (Pruned("below the median"), ("KILLED", "PRUNED")),
    TrialState.FAIL: (Diverged("loss is not finite"), ("FAILED", "FAIL")),
}


def store_in(folder: Path) -> MlflowStore:
    uri = f"sqlite:///{folder}/mlflow.db"
    return MlflowStore(MlflowTracking(name="mlflow", uri=uri, experiment="lmao", study=None, keep_models="best"))


class Place:
    """Two workers on one study; the first is running a trial."""

    def __init__(self, folder: Path) -> None:
        self.store = store_in(folder)
        self.worker, self.other = Worker(folder, self.store), Worker(folder, self.store)
        self._client = MlflowClient(tracking_uri=self.store.uri)
        self._run = ExitStack()
        self.trial = self.worker.claim()
        tracker = self._run.enter_context(tracked_run(self.store, "a trial", self.trial))
        assert tracker.run_id is not None
        self.run_id = tracker.run_id

    def end(self, state: TrialState) -> None:
        """As a sweep does it: first the run, then the trial."""
        self.end_run(state)
        self.worker.tell(state, 0.5 if state == TrialState.COMPLETE else None)

    def end_run(self, state: TrialState) -> None:
        error, _ = ENDS[state]
        with suppress(Pruned, Diverged), self._run:
            if error is not None:
                raise error

    def study_status(self) -> str:
        return str(self._client.get_run(str(self.worker.parent.run_id)).info.status)

    def said(self) -> tuple[str, str | None]:
        """MLflow's status and our state of the trial's run."""
        run = self._client.get_run(self.run_id)
        return run.info.status, run.data.tags.get("state")


@pytest.fixture
def place(mlflow_database: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copy(mlflow_database, tmp_path)
    place = Place(tmp_path)
    yield place
    for worker in (place.worker, place.other):
        worker.study.close()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("state", ENDS)
def test_a_trial_that_ends_while_lost_runs_are_looked_for_keeps_its_end(
    state: TrialState, moment: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just before or just after MLflow lists the runs that are RUNNING."""
    search = MlflowClient.search_runs

    def searching(*arguments: Any, **named: Any) -> Any:
        if moment == "before":
            place.end(state)
        found = search(*arguments, **named)
        if moment == "after":
            place.end(state)
        return found

    monkeypatch.setattr(MlflowClient, "search_runs", searching)
    place.other.look_for_the_lost()
    assert place.said() == ENDS[state][1]


def test_a_worker_that_is_killed_after_the_end_leaves_the_study_finished(place: Place, tmp_path: Path) -> None:
    place.end(TrialState.COMPLETE)
    place.worker.study.n_trials = place.other.study.n_trials = 1
    place.worker.parent.stop()
    assert place.study_status() == "FINISHED"
    Worker(tmp_path, place.store, n_trials=1).study.close()  # killed, once it had begun
    assert place.study_status() == "FINISHED"


def test_a_worker_that_is_killed_before_it_told_of_the_studys_run_leaves_no_second_one(
    mlflow_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(mlflow_database, tmp_path)
    store = store_in(tmp_path)
    tell = optuna.Study.set_user_attr

    def killed(study: optuna.Study, name: str, value: Any) -> None:
        if name == StudyAttribute.RUN_ID:
            raise KeyboardInterrupt
        tell(study, name, value)

    with monkeypatch.context() as patched:
        patched.setattr(optuna.Study, "set_user_attr", killed)
        with pytest.raises(KeyboardInterrupt):
            Worker(tmp_path, store)
    worker = Worker(tmp_path, store)
    [run] = MlflowClient(tracking_uri=store.uri).search_runs(["1"])
    assert run.info.run_id == worker.parent.run_id
    assert run.data.params["n_trials"] == "3"
    worker.study.close()


def test_a_trial_that_still_runs_is_left_alone(place: Place) -> None:
    place.other.look_for_the_lost()
    assert place.said() == ("RUNNING", None)
    place.end(TrialState.COMPLETE)


def test_the_run_of_a_killed_worker_is_killed_too(place: Place) -> None:
    place.worker.die()
    place.other.look_for_the_lost()
    assert place.said() == ("KILLED", "FAIL")


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED])
def test_a_run_that_ended_before_its_worker_was_killed_is_killed_as_its_trial_is(
    state: TrialState, place: Place
) -> None:
    place.end_run(state)
    place.worker.die()
    place.other.look_for_the_lost()
    assert place.said() == ("KILLED", "FAIL")


def test_a_run_that_failed_by_itself_stays_failed(place: Place) -> None:
    place.end(TrialState.FAIL)
    place.other.look_for_the_lost()
    assert place.said() == ("FAILED", "FAIL")


STEPS: dict[str, tuple[Callable[[Place], object], Callable[[FrozenTrial], bool]]] = {
    "begin": (
        lambda place: place.trial.begin(Path("here"), None, ""),
        lambda trial: trial.user_attrs["folder"] == "here",
    ),
    "report": (lambda place: place.trial.report(1, 0.5), lambda trial: trial.intermediate_values == {1: 0.5}),
    "tell": (lambda place: place.worker.tell(TrialState.COMPLETE, 0.5), lambda trial: trial.values == [0.5]),
    "requeue": (lambda place: place.worker.study.requeue(0), lambda trial: trial.state == TrialState.FAIL),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_stop_waits_for_what_the_study_is_told(step: str, place: Place) -> None:
    """Or a transaction stays open, and the stop waits for it, too, when it queues the trial again."""
    take, done = STEPS[step]
    engine = place.worker.study._storage.engine
    event.listen(engine, "before_cursor_execute", lambda *_: signal.raise_signal(signal.SIGTERM), once=True)
    with pytest.raises(Stopped), StopSignal():
        take(place)
    [trial] = [one for one in place.worker.study.study.get_trials() if one.number == place.trial.number]
    assert done(trial)
