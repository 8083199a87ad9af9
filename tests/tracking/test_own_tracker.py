"""A tracker of one's own, plugged in beside MLflow: a whole run and a sweep report to it what they report to MLflow."""

import io
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rich.console
from optuna.trial import TrialState

from lmao.config.run import Config
from lmao.console import Console
from lmao.errors import AlreadyRun, Diverged, Pruned, UserError
from lmao.run.experiment import run
from lmao.run.result import Result
from lmao.stop import Stopped, StopSignal
from lmao.tracking.store import tracked_run
from lmao.tracking.trial import NoTrial, RunTrial
from tests.support.json_lines import JsonLinesStore, JsonLinesTracking
from tests.support.workers import Worker


@pytest.fixture
def store(tmp_path: Path) -> JsonLinesStore:
    settings = {"name": "json_lines", "path": str(tmp_path / "runs.jsonl"), "keep_models": "best"}
    return JsonLinesStore(JsonLinesTracking.model_validate(settings))


def finish(settings: Config, folder: Path, trial: RunTrial, store: JsonLinesStore) -> tuple[Result, str]:
    """A whole run, and what it showed."""
    folder.mkdir(parents=True)
    output = io.StringIO()
    with StopSignal() as stop:
        result = run(settings, folder, Console(rich.console.Console(file=output)), stop, trial, store)
    return result, output.getvalue()


def values_of(store: JsonLinesStore, key: str) -> list[Any]:
    return [line[key] for line in store.lines() if key in line]


def test_a_run_reports_everything_to_it(compose: Callable[..., Config], store: JsonLinesStore, tmp_path: Path) -> None:
    settings = compose("debug=tiny", "threads=1")
    result, output = finish(settings, tmp_path / "run", NoTrial(), store)
    first, *_, last = store.lines()
    assert (first["name"], last) == (
        "docstrings cnn pretrain=1 seed=0", {"run": result.mlflow_run_id, "status": "FINISHED"},
    )  # fmt: skip
    assert {line["run"] for line in store.lines()} == {result.mlflow_run_id}
    asked, decided = values_of(store, "parameters")  # by the command line, and by the corpus
    parameters = asked | decided
    assert (parameters["encoder.width"], parameters["pretrain.epochs"]) == (settings.encoder.width, 1)
    assert {"pretrain/loss", "textcat/loss", "dev/accuracy", "vectors/coverage"} <= set(values_of(store, "metric"))
    [best] = [line["value"] for line in store.lines() if line.get("metric") == "dev/best_accuracy"]
    assert best == result.dev_accuracy
    assert [dataset["name"] for dataset in values_of(store, "dataset")] == ["docstrings", "document"]
    assert str(tmp_path / "run" / "result.json") in values_of(store, "artifact")
    assert f"compare       {store.command}   (run {first['run'][:8]})" in output


@pytest.mark.parametrize(
    ("error", "status", "state"),
    [
        (None, "FINISHED", "COMPLETE"),
        (AlreadyRun(0.9, "s/3"), "FINISHED", "COMPLETE"),
        (Pruned("below the median"), "KILLED", "PRUNED"),
        (Stopped(signal.SIGTERM), "KILLED", "FAIL"),
        (Diverged("loss is not finite"), "FAILED", "FAIL"),
        (ZeroDivisionError(), "FAILED", "FAIL"),
    ],
)
def test_each_way_of_ending_a_trial_is_reported(
    error: BaseException | None, status: str, state: str, store: JsonLinesStore, tmp_path: Path
) -> None:
    trial = Worker(tmp_path, store).claim()
    try:
        with tracked_run(store, "a trial", trial):
            if error is not None:
                raise error
    except BaseException as raised:
        assert raised is error
    *_, tags, last = store.lines()
    assert (last["status"], tags["tags"]["state"]) == (status, state)
    assert tags["tags"].get("reused") == ("s/3" if isinstance(error, AlreadyRun) else None)


def test_a_sweep_has_a_run_with_one_a_trial_and_the_lost_one_is_ended(
    compose: Callable[..., Config], store: JsonLinesStore, tmp_path: Path
) -> None:
    settings = compose("debug=tiny", "threads=1", "textcat=linear")
    killed, worker = Worker(tmp_path, store, n_trials=2), Worker(tmp_path, store, n_trials=2)
    lost = store.open_run("lost", killed.claim())
    killed.die()
    worker.look_for_the_lost()
    for place, accuracy in (("1", 0.9), ("2", 0.8)):
        finish(settings, tmp_path / "s" / place, worker.claim(), store)
        worker.tell(TrialState.COMPLETE, accuracy)
    worker.parent.finish(failed=False)
    worker.study.close()
    parent = worker.parent.run_id
    children = {line["run"]: line["trial"] for line in store.lines() if line.get("parent") == parent}
    ends = {line["run"]: line["status"] for line in store.lines() if "status" in line}
    assert sorted(children.values()) == [0, 1, 2] and children[lost.run_id] == 0
    assert ends == {run: "KILLED" if run == lost.run_id else "FINISHED" for run in [parent, *children]}
    assert values_of(store, "best") == [{"trial": 1}]
    assert worker.study.study.user_attrs["mlflow_run_id"] == parent


def test_a_file_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    settings = {"name": "json_lines", "path": str(tmp_path / "no" / "runs.jsonl"), "keep_models": "best"}
    store = JsonLinesStore(JsonLinesTracking.model_validate(settings))
    with pytest.raises(UserError, match=r"tracking\.path=.*: No such file or directory: give a file"):
        store.prepare("sqlite:///optuna.db")
