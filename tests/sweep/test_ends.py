"""How a worker ends before its study does: it has run its share, or its trials fail, or the machine has a fault."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.trial import TrialState, create_trial

from lmao.sweep.reading import read_studies
from lmao.sweep.sweeper import StudySweep
from lmao.tracking.mlflow_client import open_client
from tests.support.recipes import WILD
from tests.support.sweeps import Sweeps, kept, states


def test_a_worker_may_run_some_of_the_trials_and_leave_the_rest(
    session_cache: Path, mlflow_database: Path, tmp_path: Path
) -> None:
    place = Sweeps(tmp_path, session_cache)
    shutil.copy(mlflow_database, place.folder)
    command = [
        "sweep=random", "textcat=linear", "tracking=mlflow", "hydra.sweeper.study_name=s", "hydra.sweeper.n_trials=5",
        "hydra.sweeper.n_jobs=2", "hydra.sweeper.wait=true",
    ]  # fmt: skip
    for own, finished in ((1, 1), (2, 3)):
        ended = place.finish(*command, f"hydra.sweeper.worker_trials={own}")
        assert (ended.code, ended.errors) == (0, "")
        [study] = read_studies(place.storage, "s")
        assert (study.finished, study.budget, study.done) == (finished, 5, False)
        assert place.runs()[0]["status"] == "KILLED"  # nobody is at work
        assert f"{finished} complete, {5 - finished} not begun" in ended.output


def test_a_worker_whose_trials_have_all_failed_says_so(
    session_cache: Path, mlflow_database: Path, tmp_path: Path
) -> None:
    """Who waits for the first trial must not start a hundred others."""
    place = Sweeps(tmp_path, session_cache)
    shutil.copy(mlflow_database, place.folder)
    wild = [*WILD, "sweep=random", "space=none", "pretrain.learn_rate=1e30", "hydra.sweeper.study_name=s"]
    ended = place.finish(*wild, "tracking=mlflow", "hydra.sweeper.n_trials=9", "hydra.sweeper.worker_trials=1")
    assert (ended.code, ended.errors.count("\n")) == (2, 1)
    assert ended.errors.startswith("error: study s: 1 trial of this worker failed, no other ended; the last: ")
    assert "1 failed, 8 not begun" in ended.output
    assert place.runs()[0]["status"] == "FAILED"


def test_a_worker_whose_trial_was_given_up_meanwhile_has_not_failed() -> None:
    """It is FAIL in Optuna, and another runs it again."""
    worker, study = SimpleNamespace(_own=SimpleNamespace(worker_trials=1)), SimpleNamespace(name="s")
    given_up = create_trial(state=TrialState.FAIL)
    failed = create_trial(state=TrialState.FAIL, user_attrs={"error": "diverged"})
    own_failures: Any = StudySweep._own_failures
    assert own_failures(worker, study, [failed, given_up]) is None
    assert "2 trials of this worker failed" in own_failures(worker, study, [failed, failed])


@pytest.mark.parametrize(
    ("name", "after", "said"),
    [
        ("table.txt", None, "there is no file"),
        ("table.txt", b"the 0.2 0.2\n", "error: vectors: its files changed while the sweep ran: put them back"),
        ("mlflow.db", b"no database" * 100, "tracking.uri="),
    ],
)
def test_a_fault_of_the_machine_stops_a_sweep_which_can_be_resumed(
    name: str, after: bytes | None, said: str, session_cache: Path, mlflow_database: Path, tmp_path: Path
) -> None:
    """And where files can't be copied to MLflow, that is a warning."""
    shutil.copy(mlflow_database, tmp_path)
    place, file = Sweeps(tmp_path, session_cache), tmp_path / name
    (tmp_path / "table.txt").write_text("the 0.1 0.2\nof 0.3 0.1\na 0.2 0.5\n")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    experiment_of_another_machine(uri)
    command = [
        "sweep=random", "pretrain.epochs=0", "vectors=glove", f"vectors.path={tmp_path}/table.txt", "vectors.dims=2",
        "tracking=mlflow", f"tracking.uri={uri}", "hydra.sweeper.n_trials=2", "hydra.sweeper.study_name=s",
        "textcat.epochs=4", "textcat.patience=4",
    ]  # fmt: skip
    process = place.start(*command)
    process.wait(lambda: "vectors: " in place.log("s", 0))
    with place.paused(process):
        whole = file.read_bytes()
        file.unlink() if after is None else file.write_bytes(after)
    stopped = process.ended()
    assert stopped.code == 2 and stopped.errors.count("\n") == 1
    assert said in stopped.errors
    assert TrialState.RUNNING not in states(place.trials("s"))
    file.write_bytes(whole)
    resumed = place.finish(*command)
    assert (resumed.code, resumed.errors) == (0, "")
    assert states(kept(place.trials("s"))) == [TrialState.COMPLETE] * 2
    assert resumed.output.count("is not copied to MLflow") == 1


def experiment_of_another_machine(uri: str) -> None:
    open_client(uri).create_experiment("lmao", artifact_location="/dev/null/mlruns")
