"""What is lost to kills and stops, in this process: it is found, and run again once."""

import threading
import time
from datetime import datetime
from pathlib import Path

import optuna
import pytest
from optuna.storages._rdb.models import TrialHeartbeatModel
from optuna.trial import TrialState
from sqlalchemy import update
from sqlalchemy.orm import Session

from lmao.sweep.losses import Losses
from lmao.sweep.space import read_space
from tests.support.studies import BUDGET, CONTINUOUS, DISCRETE, Open, claim, die, run_all
from tests.support.sweeps import kept


@pytest.mark.parametrize(("max_losses", "tried"), [(1, 1), (2, 2), (None, 6)])
def test_how_many_kills_a_point_survives_is_a_setting(open_study: Open, max_losses: int | None, tried: int) -> None:
    space, killed = read_space([], DISCRETE), []
    for _ in range(6):
        study = open_study(n_trials=1, max_losses=max_losses)
        trial = claim(study, space)
        if trial is None:
            break
        killed.append(trial.params)
        die(study)
    assert killed == killed[:1] * tried


def test_the_files_of_dead_workers_are_removed_those_of_others_stay(open_study: Open, tmp_path: Path) -> None:
    alive, dead = open_study(), open_study()
    die(dead)
    foreign = tmp_path / "study" / ".worker-elsewhere-abc"
    foreign.touch()
    last = open_study()
    marks = {Path(study._worker.attributes["worker"]) for study in (alive, last)}
    assert set((tmp_path / "study").glob(".worker-*")) == {*marks, foreign}


def test_a_worker_that_dies_while_another_begins_is_not_forgotten(
    open_study: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the other has looked for lost trials, and before it removes the files of the dead."""
    space, dying = read_space([], CONTINUOUS), open_study()
    trial = claim(dying, space)
    reap = Losses.reap

    def reap_then_die(losses: Losses) -> int:
        lost = reap(losses)
        die(dying)
        return lost

    with monkeypatch.context() as patched:
        patched.setattr(Losses, "reap", reap_then_die)
        other = open_study()
    again = claim(other, space)
    assert trial is not None and again is not None and again.user_attrs["replaces"] == trial.number


def test_a_worker_that_is_alive_loses_nothing_and_a_dead_one_at_once(open_study: Open) -> None:
    space, living, dead = read_space([], CONTINUOUS), open_study(), open_study()
    kept_trial, lost = claim(living, space), claim(dead, space)
    assert kept_trial is not None and lost is not None
    die(dead)
    again = claim(open_study(), space)
    assert again is not None
    assert again.params == lost.params and again.user_attrs["replaces"] == lost.number
    assert again.user_attrs["seed"] == lost.user_attrs["seed"]
    assert living.numbers(TrialState.RUNNING) == {kept_trial.number, again.number}


def test_a_silent_worker_is_presumed_dead_and_its_later_report_is_ignored(open_study: Open) -> None:
    """A worker on another machine: its lock can't be checked, and it sends no heartbeats."""
    space, silent, other = read_space([], CONTINUOUS), open_study(), open_study()
    silent._worker.attributes["host"] = "elsewhere"
    trial = claim(silent, space)
    assert trial is not None
    assert other.claim(0, lambda trial: None, True)[1] == 0
    other._storage.grace_period = 1
    time.sleep(2.1)  # SQLite counts whole seconds
    again = claim(other, space)
    assert again is not None and again.user_attrs["replaces"] == trial.number
    assert silent.tell(trial, TrialState.COMPLETE, 0.9).state == TrialState.FAIL
    assert silent.tell(trial, TrialState.FAIL, error="late").state == TrialState.FAIL
    other.tell(again, TrialState.COMPLETE, 0.5)
    assert [trial.values for trial in kept(other.study.get_trials())] == [[0.5]]


def test_a_silent_worker_that_ends_its_trial_while_another_gives_it_up_is_believed(
    open_study: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, silent, other = read_space([], CONTINUOUS), open_study(), open_study()
    silent._worker.attributes["host"] = "elsewhere"
    trial = claim(silent, space)
    assert trial is not None
    other._storage.grace_period = 1
    time.sleep(2.1)  # SQLite counts whole seconds

    stale_trials = other._storage._get_stale_trial_ids

    def stale_then_ended(study_id: int) -> list[int]:
        stale = stale_trials(study_id)
        silent.tell(trial, TrialState.COMPLETE, 0.9)
        return stale

    monkeypatch.setattr(other._storage, "_get_stale_trial_ids", stale_then_ended)
    assert other.claim(0, lambda trial: None, True)[1] == 0
    assert [(one.state, one.values) for one in other.study.get_trials()] == [(TrialState.COMPLETE, [0.9])]


def test_a_worker_that_slept_with_this_machine_keeps_its_trial(open_study: Open) -> None:
    space, slept, awake = read_space([], CONTINUOUS), open_study(), open_study()
    trial = claim(slept, space)
    assert trial is not None
    awake._storage.grace_period = 1
    time.sleep(2.1)  # SQLite counts whole seconds
    assert awake.claim(0, lambda trial: None, True)[1] == 0
    assert slept.tell(trial, TrialState.COMPLETE, 0.9).state == TrialState.COMPLETE


def test_heartbeats_are_recorded_while_trials_run(open_study: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmao.sweep.study.HEARTBEAT_SECONDS", 0.2)
    space, worker, other = read_space([], CONTINUOUS), open_study(), open_study()
    worker._worker.attributes["host"] = "elsewhere"
    trial = claim(worker, space)
    assert trial is not None
    with worker.alive([trial]):
        for _ in range(2):
            with Session(other._storage.engine) as session:
                session.execute(update(TrialHeartbeatModel).values(heartbeat=datetime(2000, 1, 1)))
                session.commit()
            deadline = time.monotonic() + 60
            while other._storage._get_stale_trial_ids(other.study._study_id) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert other.claim(0, lambda trial: None, True)[1] == 0
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}


def test_a_point_that_kills_its_worker_three_times_has_failed(open_study: Open) -> None:
    space = read_space([], CONTINUOUS)
    for _ in range(3):
        worker = open_study(n_trials=1)
        assert claim(worker, space) is not None
        die(worker)
    last = open_study(n_trials=1)
    assert claim(last, space) is None
    [trial] = last.finished_trials()
    assert (trial.state, trial.user_attrs["error"]) == (TrialState.FAIL, "its process died, 3 times")


def test_a_worker_killed_while_it_claims_leaves_no_gap_and_no_double(open_study: Open) -> None:
    def interrupted(trial: optuna.Trial) -> None:
        trial.suggest_float("textcat.dropout", 0.0, 0.5)
        raise KeyboardInterrupt

    space, killed, other = read_space([], CONTINUOUS), open_study("tpe"), open_study("tpe")
    with pytest.raises(KeyboardInterrupt):
        killed.claim(1, interrupted, True)
    die(killed)
    run_all(other, space)
    assert [trial.user_attrs["seed"] for trial in kept(other.study.get_trials())] == list(range(BUDGET))
    assert all(set(trial.params) == set(space.distributions) for trial in kept(other.study.get_trials()))


def test_a_claim_that_is_made_again_leaves_no_trial_running(open_study: Open) -> None:
    """As where the database went away after a trial was claimed, and before the worker heard of it."""
    space, worker = read_space([], CONTINUOUS), open_study()
    unheard, heard = claim(worker, space), claim(worker, space)
    assert unheard is not None and heard is not None
    assert worker.numbers(TrialState.RUNNING) == {heard.number}
    assert heard.params == unheard.params


def test_a_stop_queues_only_the_workers_own_trials_again(open_study: Open) -> None:
    space, stopped, other = read_space([], CONTINUOUS), open_study(), open_study()
    own, others = claim(stopped, space), claim(other, space)
    assert own is not None and others is not None
    stopped.requeue(0)
    stopped.close()
    assert other.numbers(TrialState.RUNNING) == {others.number}
    again = claim(other, space)
    assert again is not None and (again.params, again.user_attrs["losses"]) == (own.params, 0)
