"""A sweep that is killed or stopped again and again has the same results as one that wasn't."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from optuna.trial import TrialState

from tests.support.processes import STOPPED, ProcessResult
from tests.support.sweeps import Sweeps, kept, points, states

COMMAND = [
    "hydra.sweeper.n_trials=4", "hydra.sweeper.sampler.n_startup_trials=3", "hydra/sweeper/pruner=none",
    "tracking=mlflow",
]  # fmt: skip
SLOW = ["pretrain.batch_words=80", "textcat.epochs=3", "textcat.patience=3"]  # there is time to hit it
STUDY = "docstrings-document-pretrain1"


@pytest.fixture(scope="module")
def undisturbed(session_cache: Path, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    place = Sweeps(tmp_path_factory.mktemp("undisturbed"), session_cache)
    shutil.copy(mlflow_database, place.folder)
    swept = place.finish(*COMMAND, *SLOW)
    assert (swept.code, swept.errors) == (0, "")
    return place


def in_pretraining(place: Sweeps, trial: int) -> bool:
    log = place.log(STUDY, trial)
    return "vectors: " in log and "pretrain: " not in log


def in_finetuning(place: Sweeps, trial: int) -> bool:
    log = place.log(STUDY, trial)
    return "textcat: loaded" in log and "epochs" not in log


@pytest.fixture(scope="module")
def disturbed(undisturbed: Sweeps, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Killed, killed, stopped, stopped and resumed. Its cache has the inputs, but none of the pre-trainings."""
    folder = tmp_path_factory.mktemp("disturbed")
    place = Sweeps(folder, folder / "cache")
    place.copy_inputs(undisturbed.cache)
    shutil.copy(mlflow_database, folder)
    ends: list[ProcessResult] = []
    moments = [
        (signal.SIGKILL, lambda: in_pretraining(place, 1)),
        (signal.SIGKILL, lambda: in_finetuning(place, 3)),  # trial 2 is trial 1 once more
        (signal.SIGINT, lambda: in_pretraining(place, 5)),  # trial 4 is trial 3
        (signal.SIGTERM, lambda: in_finetuning(place, 6)),  # is trial 5
    ]
    after = []
    for number, moment in moments:
        ends.append(place.interrupt(number, moment, *COMMAND, *SLOW))
        after.append((place.trials(STUDY), place.runs()))
    ends.append(place.finish(*COMMAND, *SLOW))
    return SimpleNamespace(place=place, ends=ends, after=after)


def test_exactly_the_missing_trials_are_run(disturbed: SimpleNamespace) -> None:
    last = disturbed.ends[-1]
    assert (last.code, last.errors) == (0, "")
    assert f"done       {STUDY} · 4 complete" in last.output
    trials = disturbed.place.trials(STUDY)
    assert states(kept(trials)) == [TrialState.COMPLETE] * 4
    assert len(trials) == 4 + 4
    lost = [trial for trial in trials if trial.state == TrialState.FAIL]
    assert [trial.number for trial in lost] == [1, 3, 5, 6]
    assert "1 lost to a kill, queued again" in disturbed.ends[1].output


def test_points_seeds_and_values_are_those_of_the_undisturbed_sweep(
    disturbed: SimpleNamespace, undisturbed: Sweeps
) -> None:
    own, other = kept(disturbed.place.trials(STUDY)), undisturbed.trials(STUDY)
    assert points(own) == points(other)
    values = [{trial.user_attrs["seed"]: trial.values[0] for trial in trials} for trials in (own, other)]
    assert values[0] == values[1]


def test_a_stop_ends_cleanly_and_its_point_is_queued_again(disturbed: SimpleNamespace) -> None:
    for end, code, (trials, runs) in zip(disturbed.ends[2:4], (130, 143), disturbed.after[2:], strict=True):
        assert (end.code, end.errors) == (code, STOPPED)
        assert TrialState.RUNNING not in states(trials)
        assert trials[-1].state == TrialState.WAITING
        lost = trials[trials[-1].user_attrs["replaces"]]
        assert trials[-1].system_attrs["fixed_params"] == lost.params
        assert {run["status"] for run in runs} == {"FINISHED", "KILLED"}
    assert disturbed.after[3][0][-1].user_attrs["losses"] == 0  # a stop isn't the point's fault


def test_nothing_is_left_running_in_mlflow(disturbed: SimpleNamespace) -> None:
    runs = disturbed.place.runs()
    trials = disturbed.place.trials(STUDY)
    assert [run["status"] for run in runs if run["name"] == STUDY] == ["FINISHED"]
    for trial in trials:
        [run] = [run for run in runs if run["id"] == trial.user_attrs.get("mlflow_run_id")]
        complete = trial.state == TrialState.COMPLETE
        assert (run["status"], run["state"]) == (("FINISHED", "COMPLETE") if complete else ("KILLED", "FAIL"))
    assert len(runs) == 1 + len(trials)


def test_no_two_trials_share_a_folder(disturbed: SimpleNamespace) -> None:
    folders = [trial.user_attrs["folder"] for trial in disturbed.place.trials(STUDY)]
    assert len(set(folders)) == len(folders)
    assert not list((disturbed.place.folder / "multirun" / STUDY).glob(".worker-*"))


def test_workers_that_start_at_once_on_nothing_share_the_trials(tmp_path: Path) -> None:
    """No cache, no database; and a space of four points."""
    place = Sweeps(tmp_path, tmp_path / "cache")
    space = ["space=none", "textcat.batch_size=4,8", "optimizer.beta1=choice(0.0,0.9)", "pretrain.epochs=0"]
    command = ["sweep=random", *space, "hydra.sweeper.n_trials=6", "tracking=mlflow", "hydra.sweeper.study_name=shared"]
    ends = [worker.ended() for worker in [place.start(*command) for _ in range(3)]]
    assert [(end.code, end.errors) for end in ends] == [(0, "")] * 3
    trials = place.trials("shared")
    assert states(trials) == [TrialState.COMPLETE] * 6
    assert sorted(trial.user_attrs["seed"] for trial in trials) == [0, 1, 2, 3, 4, 5]
    numbers = [line.split()[1] for end in ends for line in end.trial_lines()]
    assert sorted(numbers) == ["0", "1", "2", "3", "4", "5"]
    assert sorted(run["status"] for run in place.runs()) == ["FINISHED"] * 7
    assert len({run.get("mlflow.parentRunId") for run in place.runs()}) == 2


def test_a_worker_that_waits_runs_what_the_last_one_loses(
    session_cache: Path, mlflow_database: Path, tmp_path: Path
) -> None:
    place = Sweeps(tmp_path, session_cache)
    shutil.copy(mlflow_database, tmp_path)
    command = ["pretrain.epochs=0", "hydra.sweeper.n_trials=1", *SLOW, "tracking=mlflow", "hydra.sweeper.study_name=s"]
    first = place.start(*command)
    first.wait(lambda: "textcat: " in place.log("s", 0))
    with place.paused(first):  # it would be done before the second has begun
        second = place.start(*command, "hydra.sweeper.wait=true")
        second.wait(lambda: len(list((tmp_path / "multirun/s").glob(".worker-*"))) == 2)
        first.send_signal(signal.SIGKILL)
    end = second.ended()
    assert (end.code, end.errors) == (0, "")
    assert states(place.trials("s")) == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_joblib_worker_that_is_killed_costs_its_batch(
    session_cache: Path, mlflow_database: Path, tmp_path: Path
) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="pip install -e '.[joblib]'")
    place = Sweeps(tmp_path, session_cache)
    shutil.copy(mlflow_database, tmp_path)
    command = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweeper.n_jobs=2", "hydra.sweeper.n_trials=2"]
    process = place.start(*command, *SLOW, "tracking=mlflow")
    process.wait(lambda: in_finetuning(place, 1))
    found = subprocess.run(["pgrep", "-P", str(process.pid), "-f", "popen_loky"], capture_output=True, text=True)
    os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
    end = process.ended()
    assert (end.code, "a job died, its trial is queued again: TerminatedWorkerError" in end.output) == (0, True)
    trials = place.trials(STUDY)
    assert states(kept(trials)) == [TrialState.COMPLETE] * 2
    assert len(trials) == 2 + 2
    assert {run["status"] for run in place.runs()} == {"FINISHED", "KILLED"}
