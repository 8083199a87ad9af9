"""`python train.py -m`: studies are what a user expects, in Optuna's database, in MLflow and in the folders."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from optuna.trial import TrialState

from lmao.sweep.models import best_of
from tests.support.processes import Place, ProcessResult
from tests.support.recipes import WILD
from tests.support.sweeps import Sweeps, states

TPE = ["tracking=mlflow", "hydra.sweeper.sampler.n_startup_trials=3"]
STUDY = "docstrings-document-pretrain1"
GRID = ["sweep=grid", *WILD, "pretrain.learn_rate=0.001,1e30", "tracking=mlflow"]
DIVERGING = "docstrings-l2-pretrain1-grid"


@pytest.fixture(scope="module")
def place(session_cache: Path, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    place = Sweeps(tmp_path_factory.mktemp("sweeps"), session_cache)
    shutil.copy(mlflow_database, place.folder)
    return place


@pytest.fixture(scope="module")
def first(place: Sweeps) -> ProcessResult:
    return place.finish(*TPE, "hydra.sweeper.n_trials=4")


@pytest.fixture(scope="module")
def second(place: Sweeps, first: ProcessResult) -> ProcessResult:
    return place.finish(*TPE, "hydra.sweeper.n_trials=5")


@pytest.fixture(scope="module")
def grid(place: Sweeps, second: ProcessResult) -> SimpleNamespace:
    """A study in which half of the trials diverge, made, and grown."""
    made = place.finish(*GRID, "seed=0,1")
    trials = place.trials(DIVERGING)
    grown = place.finish(*GRID, "seed=0,1,2", "hydra.sweeper.max_failure_rate=0.4")
    return SimpleNamespace(made=made, trials=trials, grown=grown)


def test_a_sweep_prints_a_line_for_each_trial_and_the_outcome(first: ProcessResult) -> None:
    assert (first.code, first.errors) == (0, "")
    lines = first.output.splitlines()
    assert lines[0] == f"study      {STUDY} · TPE, 10 settings, 4 trials"
    assert [line.split()[1] for line in first.trial_lines()] == ["0", "1", "2", "3"]
    assert all("best 0." in line and "learn_rate" in line for line in first.trial_lines())
    assert lines[-4].startswith(f"done       {STUDY} · 4 complete · best 0.")
    assert lines[-3].startswith(f"predict    python -m lmao.predict --model multirun/{STUDY}/")
    assert lines[-2].split() == f"table: python -m lmao.report compare: mlflow ui, run {STUDY}".split()
    assert lines[-1].split()[:3] == ["study:", "optuna-dashboard", "sqlite:///optuna.db"]


def test_the_dashboard_opens_the_study(place: Sweeps, first: ProcessResult) -> None:
    dashboard = pytest.importorskip("optuna_dashboard", reason="pip install optuna-dashboard")
    served = dashboard.wsgi(place.storage)

    def get(path: str) -> Any:
        environment: dict[str, Any] = {"PATH_INFO": path}
        setup_testing_defaults(environment)
        statuses: list[str] = []
        body = b"".join(served(environment, lambda status, headers, error=None: statuses.append(status)))
        assert statuses == ["200 OK"]
        return json.loads(body)

    [study] = get("/api/studies")["study_summaries"]
    assert study["study_name"] == STUDY
    trials = get(f"/api/studies/{study['study_id']}")["trials"]
    assert [trial["state"] for trial in trials] == ["Complete"] * 4


def test_a_sweep_is_of_the_cnn_unless_the_command_line_names_a_classifier(session_cache: Path, tmp_path: Path) -> None:
    place = Place(tmp_path, session_cache, ["-m", "sweep=random", "hydra.sweeper.n_trials=1", "threads=1"])
    tiny = ["data=docstrings_tiny", "vectors=document_tiny", "encoder=cnn_tiny", "tracking=off", "pretrain.epochs=1"]
    ended = place.finish(*tiny, "textcat.epochs=1")
    assert (ended.code, ended.errors) == (0, "")
    said, study, *_ = ended.output.splitlines()
    assert said.startswith("textcat    cnn: the default, textcat=auto, chooses by itself")
    assert study.startswith("study      docstrings-document-pretrain1-random")
    refused = place.finish(*tiny, "textcat=auto")
    assert refused.code == 2 and "choose textcat=cnn" in refused.errors


def test_files_may_be_compared(session_cache: Path, tmp_path: Path) -> None:
    for name, word in (("a", "wave"), ("b", "tide")):
        rows = [f"{word} {i} {i * 7},sea\ntram {i} {i * 3},city" for i in range(20)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *rows]))
    given = ["-m", "sweep=grid", "data=files", "data.path=a.csv,b.csv", "textcat=linear", "tracking=off", "threads=1"]
    ended = Place(tmp_path, session_cache, given).finish()
    assert (ended.code, ended.errors) == (0, "")
    assert "2 complete" in ended.output


def test_the_number_of_trials_is_a_total(place: Sweeps, second: ProcessResult) -> None:
    assert (second.code, second.errors) == (0, "")
    assert "5 trials · resumes 4 finished" in second.output
    assert [line.split()[1] for line in second.trial_lines()] == ["4"]
    assert states(place.trials(STUDY)) == [TrialState.COMPLETE] * 5
    assert {path.name for path in (place.folder / "multirun" / STUDY).iterdir() if path.is_dir()} == set("01234")
    again = place.finish(*TPE, "hydra.sweeper.n_trials=5")
    assert (again.code, again.trial_lines()) == (0, [])
    assert len(place.trials(STUDY)) == 5


def test_trials_have_seeds_and_points_of_their_own(place: Sweeps, second: ProcessResult) -> None:
    trials = place.trials(STUDY)
    assert [trial.user_attrs["seed"] for trial in trials] == [0, 1, 2, 3, 4]
    assert len({tuple(trial.params.values()) for trial in trials}) == 5
    for trial in trials:
        assert 0.9 <= trial.params["optimizer.beta2"] < 1
        assert trial.user_attrs["seconds"] > 0 and trial.user_attrs["epochs"] == 2
        overrides = (Path(trial.user_attrs["folder"]) / ".hydra" / "overrides.yaml").read_text()
        assert f"seed={trial.number}" in overrides and "threads=1" in overrides


def test_mlflow_has_a_parent_with_plots_and_a_child_a_trial(place: Sweeps, second: ProcessResult) -> None:
    parent, *children = [run for run in place.runs() if run["study"] == STUDY]
    trials = place.trials(STUDY)
    assert (parent["name"], parent["status"]) == (STUDY, "FINISHED")
    best = best_of(trials)
    assert best is not None
    assert parent["best.trial"] == str(best.number)
    assert parent["best.optimizer.learn_rate"] == str(best.params["optimizer.learn_rate"])
    [artifacts] = place.folder.glob(f"mlruns/*/{parent['id']}/artifacts")
    assert {path.name for path in artifacts.iterdir()} == {
        "optimisation_history.png", "setting_importances.png", "model",
    }  # fmt: skip
    assert {child["mlflow.parentRunId"] for child in children} == {parent["id"]}
    assert [child["id"] for child in children] == [trial.user_attrs["mlflow_run_id"] for trial in trials]
    assert {(child["status"], child["state"], child["pretrain_epochs"]) for child in children} == {
        ("FINISHED", "COMPLETE", "1")
    }


def test_only_the_best_trials_model_is_kept(place: Sweeps, second: ProcessResult) -> None:
    best = best_of(place.trials(STUDY))
    assert best is not None
    for trial in place.trials(STUDY):
        folder = place.folder / "multirun" / STUDY / str(trial.number)
        assert (folder / "result.json").exists() and (folder / "predictions.npz").exists()
        assert not (folder / "errors.csv").exists()  # all texts would be read again for each trial
        for name in ("model", "classifier", "tok2vec.bin"):
            assert (folder / name).exists() == (trial.number == best.number)


def test_a_grid_runs_each_combination_once(grid: SimpleNamespace) -> None:
    wanted = {(rate, seed) for rate in (0.001, 1e30) for seed in (0, 1)}
    assert {(trial.params["pretrain.learn_rate"], trial.params["seed"]) for trial in grid.trials} == wanted
    assert len(grid.trials) == 4


def test_trials_that_diverge_fail_alone_and_are_counted(place: Sweeps, grid: SimpleNamespace) -> None:
    assert (grid.made.code, grid.made.errors) == (0, "")
    for trial in grid.trials:
        diverged = trial.params["pretrain.learn_rate"] > 1
        assert trial.state == (TrialState.FAIL if diverged else TrialState.COMPLETE)
        assert ("diverged" in trial.user_attrs.get("error", "")) == diverged
        [run] = [run for run in place.runs() if run["id"] == trial.user_attrs["mlflow_run_id"]]
        assert (run["status"], run["state"]) == (("FAILED", "FAIL") if diverged else ("FINISHED", "COMPLETE"))
    assert "2 complete, 2 failed" in grid.made.output
    assert sum("failed" in line and "diverged" in line for line in grid.made.trial_lines()) == 2


def test_a_grid_may_grow_and_too_many_failures_end_it(place: Sweeps, grid: SimpleNamespace) -> None:
    trials = place.trials(DIVERGING)
    assert [trial.params["seed"] for trial in trials[4:] if trial.params] == [2, 2]
    assert states(trials) == [*states(grid.trials), TrialState.COMPLETE, TrialState.FAIL]
    assert grid.grown.code == 2 and "3 complete, 3 failed" in grid.grown.output
    assert grid.grown.errors.count("\n") == 1
    assert grid.grown.errors.startswith(f"error: study {DIVERGING}: 3 of 6 trials failed, more than hydra.sweeper.max")
    [parent] = [run for run in place.runs() if run["name"] == DIVERGING]
    assert parent["status"] == "FAILED"


def test_a_trial_below_the_median_is_pruned(place: Sweeps, first: ProcessResult) -> None:
    swept = place.finish(
        "sweep=grid", "hydra/sweeper/pruner=median", "hydra.sweeper.pruner.n_startup_trials=1",
        "hydra.sweeper.pruner.n_warmup_steps=0", "pretrain.epochs=0", "optimizer.learn_rate=0.005,1e-9", "seed=0",
        "hydra.sweeper.study_name=pruned", "tracking=mlflow", "tracking.keep_models=none", "textcat.init=fresh",
    )  # fmt: skip
    assert (swept.code, swept.errors) == (0, "")
    assert states(place.trials("pruned")) == [TrialState.COMPLETE, TrialState.PRUNED]
    assert "pruned" in swept.trial_lines()[1] and "1 complete, 1 pruned" in swept.output
    _, complete, pruned = [run for run in place.runs() if run["study"] == "pruned"]
    assert (complete["state"], pruned["state"], pruned["status"]) == ("COMPLETE", "PRUNED", "KILLED")
    assert not list(place.folder.glob("multirun/pruned/*/model"))


def test_what_was_run_before_is_not_run_again_and_marked(place: Sweeps, first: ProcessResult) -> None:
    swept = place.finish(
        "sweep=random", "space=none", "seed=3", "pretrain.epochs=0", "hydra.sweeper.n_trials=2", "tracking=mlflow",
        "hydra.sweeper.study_name=again", "tracking.keep_models=all",
    )  # fmt: skip
    assert (swept.code, swept.errors) == (0, "")
    original, reused = place.trials("again")
    assert original.values == reused.values
    assert "reused" not in original.user_attrs and reused.user_attrs["reused"] == "again/0"
    assert "as again/0" in swept.trial_lines()[1]
    assert place.runs()[-1]["reused"] == "again/0" and place.runs()[-1]["status"] == "FINISHED"
    assert (place.folder / "multirun/again/0/model").exists()
    assert not (place.folder / "multirun/again/1/result.json").exists()


def test_the_linear_model_is_not_run_again_either_and_its_code_is_kept(place: Sweeps, first: ProcessResult) -> None:
    name = "hydra.sweeper.study_name=linear"
    swept = place.finish("sweep=random", "space=none", "textcat=linear", "seed=3", "hydra.sweeper.n_trials=2", name)
    assert (swept.code, swept.errors) == (0, "")
    original, reused = place.trials("linear")
    assert reused.user_attrs["reused"] == "linear/0"
    assert original.user_attrs["code"] == reused.user_attrs["code"]


def test_resuming_a_study_with_different_settings_is_refused(place: Sweeps, first: ProcessResult) -> None:
    before = len(place.trials(STUDY))
    other = place.finish(*TPE, "textcat.epochs=1")
    assert (other.code, other.output) == (2, "")
    assert other.errors == (
        f"error: study {STUDY} was made with different settings (textcat.epochs: 2 then, 1 now): "
        "give the new one its own hydra.sweeper.study_name, or use the old settings\n"
    )
    assert len(place.trials(STUDY)) == before


def test_hydras_own_sweeper_is_there_and_shows_no_password(place: Sweeps, first: ProcessResult) -> None:
    basic = ["sweep=basic", "seed=5,6", "hydra.sweep.dir=basic"]
    fine = place.finish(*basic, "pretrain.epochs=0", "threads=1")
    assert (fine.code, fine.errors) == (0, "")
    assert (place.folder / "basic/0/result.json").exists() and (place.folder / "basic/1/result.json").exists()
    refused = place.finish(*basic, "tracking=mlflow", "tracking.uri=http://me:hunter2@127.0.0.1:1")
    assert refused.code == 75 and "hunter2" not in refused.errors
    for path in place.folder.glob("basic/**/*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path


MISTAKES = {
    "pretrain.epoch=0,1": "pretrain has no setting 'epoch'. Did you mean 'epochs'?",
    "textcat.dropout=interval(0,2)": "textcat.dropout: input should be less than or equal to 0.99, not 2.0",
    "data=docstrings,docstring": "data has no option 'docstring'. Did you mean 'docstrings'?",
    "hydra.sweeper.sampler=cnn": "hydra.sweeper.sampler: cnn is none: choose one with sweep=tpe, random, qmc or grid",
    "~hydra.sweeper.sampler": "hydra.sweeper.sampler: there is none: choose one with sweep=tpe, random, qmc or grid",
    "hydra.sweeper.pruner=null": "hydra.sweeper.pruner: there is none: choose one with hydra/sweeper/pruner=median",
    "hydra.sweeper.params=x": "hydra.sweeper.params: x is no space: choose one with space=full or finetuning",
    "hydra.sweeper.n_trials=many": "hydra.sweeper.n_trials: input should be a valid integer",
    "hydra.sweeper.storage=mysql://me:hunter2@127.0.0.1/x": "hydra.sweeper.storage=mysql://me:***@127.0.0.1/x: not a",
    "hydra.sweeper.storage=postgresql://me:hunter2@127.0.0.1:1/x": "hydra.sweeper.storage=postgresql://me:***@127.0",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_nothing_is_made(mistake: str, session_cache: Path, tmp_path: Path) -> None:
    if "postgresql" in mistake:
        pytest.importorskip("psycopg", reason="psycopg isn't installed: pip install -e '.[postgres]'")
    swept = Sweeps(tmp_path, session_cache).finish(mistake)
    assert (swept.code, swept.output) == (75 if "postgresql" in mistake else 2, "")
    assert swept.errors.startswith(f"error: {MISTAKES[mistake]}") and swept.errors.count("\n") == 1
    assert "hunter2" not in swept.errors
    assert not list(tmp_path.iterdir())
