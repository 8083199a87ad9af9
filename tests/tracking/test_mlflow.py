import getpass
import multiprocessing
import os
import signal
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from lmao.config.tracking import MlflowTracking, NoTracking
from lmao.errors import UserError
from lmao.stop import Stopped, StopSignal
from lmao.tracking.mlflow_store import MlflowStore
from lmao.tracking.sending import Trial
from lmao.tracking.store import open_store, tracked_run
from lmao.tracking.tracker import copy_files
from lmao.tracking.trial import NoTrial

PROCESSES = 8


def run_once(folder: Path, name: str, barrier: Barrier) -> None:
    """What each process of the race does; whatever it prints goes to a file."""
    os.chdir(folder)
    output = os.open(f"{name}.output", os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    barrier.wait()
    with tracked_run(
        MlflowStore(
            MlflowTracking(name="mlflow", uri="sqlite:///mlflow.db", experiment="lmao", study=None, keep_models="best")
        ),
        name,
        NoTrial(),
    ) as tracker:
        tracker.dataset("imdb", "0123456789abcdef", "aclImdb_v1.tar.gz", "training")
        tracker.metric("dev/accuracy", 0.5, 1)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that have MLflow imported already: it takes seconds."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlflow.store.tracking.sqlalchemy_store", "lmao.tracking.mlflow_store"])
    return context


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, processes: ForkServerContext) -> Path:
    """A folder whose mlflow.db several processes made by starting at the same moment."""
    folder = tmp_path_factory.mktemp("store")
    barrier = processes.Barrier(PROCESSES)
    workers = [processes.Process(target=run_once, args=(folder, f"worker{i}", barrier)) for i in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    outputs = "".join(path.read_text() for path in sorted(folder.glob("*.output")))
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES, outputs
    assert outputs == ""
    return folder


@pytest.fixture
def config(store: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowTracking:
    monkeypatch.chdir(store)
    return MlflowTracking(name="mlflow", uri="sqlite:///mlflow.db", experiment="lmao", study="s1", keep_models="best")


def client() -> Any:
    return MlflowClient(tracking_uri="sqlite:///mlflow.db")


def test_processes_that_meet_no_database_all_succeed_and_print_nothing(store: Path) -> None:
    with sqlite3.connect(store / "mlflow.db") as database:
        names = {name for (name,) in database.execute("select name from runs where status = 'FINISHED'")}
        experiments = database.execute("select count(*) from experiments where name = 'lmao'").fetchone()
    assert names >= {f"worker{i}" for i in range(PROCESSES)}
    assert experiments == (1,)
    left = {path.name for path in store.iterdir() if path.suffix != ".output"}
    assert left <= {"mlflow.db", ".mlflow.db.lock", "mlruns"}


def test_what_is_reported_is_in_the_store(config: MlflowTracking, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "meta.json").write_text("{}")
    (tmp_path / "result.json").write_text("{}")
    many = {f"key{i}": i for i in range(250)}
    with tracked_run(MlflowStore(config), "a name", NoTrial()) as tracker:
        tracker.parameters({"space": {"vectors@vectors.target": "a", "+recipe": "b"}})
        tracker.parameters({"data": {"path": None, "packages": ["numpy"]}, "seed": 3, "long": "x" * 10_000, **many})
        tracker.tags({"git_commit": "abc"})
        tracker.dataset("imdb", "0123456789abcdef" * 4, "aclImdb_v1.tar.gz", "training")
        for step in range(3):
            tracker.metric("pretrain/loss", 1 / (step + 1), step)
        tracker.metric("dev/best_accuracy", 0.9)
        tracker.artifact(tmp_path / "result.json")
        tracker.artifact(tmp_path / "model")
    assert tracker.run_id is not None
    run = client().get_run(tracker.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "a name")
    parameters = run.data.params
    assert (parameters["space.vectors_vectors.target"], parameters["space.recipe"]) == ("a", "b")
    assert (parameters["data.path"], parameters["data.packages"], parameters["seed"]) == ("null", '["numpy"]', "3")
    assert parameters["key249"] == "249"
    assert parameters["long"].startswith("xxx")
    assert run.data.tags["git_commit"] == "abc"
    assert run.data.tags["study"] == "s1"
    assert run.data.tags["mlflow.user"] == getpass.getuser()
    assert run.data.tags["mlflow.source.name"] == sys.argv[0]
    history = client().get_metric_history(tracker.run_id, "pretrain/loss")
    assert [(metric.step, metric.value) for metric in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert run.data.metrics["dev/best_accuracy"] == 0.9
    dataset = run.inputs.dataset_inputs[0].dataset
    assert (dataset.name, dataset.digest) == ("imdb", "0123456789abcdef0123456789abcdef0123")
    assert {file.path for file in client().list_artifacts(tracker.run_id)} == {"model", "result.json"}
    assert [file.path for file in client().list_artifacts(tracker.run_id, "model")] == ["model/meta.json"]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyboardInterrupt(), "KILLED", None),
        (Stopped(signal.SIGTERM), "KILLED", None),
        (UserError("bad", setting="data.path", advice="mend it"), "FAILED", "data.path: bad: mend it"),
        (
            KeyError("a bug at postgresql://me:secret@host/db"),
            "FAILED",
            "KeyError('a bug at postgresql://me:***@host/db')",
        ),
        (SystemExit(1), "FAILED", None),
    ],
)
def test_an_exception_ends_the_run_and_is_raised(
    config: MlflowTracking, error: BaseException, status: str, reason: str | None
) -> None:
    with pytest.raises(type(error)), tracked_run(MlflowStore(config), "stopped", NoTrial()) as tracker:
        tracker.metric("textcat/loss", 0.5, 1)
        raise error
    assert tracker.run_id is not None
    run = client().get_run(tracker.run_id)
    assert run.info.status == status
    assert run.data.tags.get("error") == reason
    assert run.data.metrics == {"textcat/loss": 0.5}


def test_a_metric_does_not_wait_for_the_disk(config: MlflowTracking, monkeypatch: pytest.MonkeyPatch) -> None:
    all_given, log_batch, in_time = threading.Event(), MlflowClient.log_batch, []

    def held(*arguments: Any, **keywords: Any) -> None:
        in_time.append(all_given.wait(60))
        all_given.set()
        log_batch(*arguments, **keywords)

    with tracked_run(MlflowStore(config), "quick", NoTrial()) as tracker:
        monkeypatch.setattr(MlflowClient, "log_batch", held)
        for step in range(1000):
            tracker.metric("textcat/loss", 0.5, step)
        all_given.set()
    assert in_time and all(in_time), "a metric waited until it was written"
    assert tracker.run_id is not None
    assert len(client().get_metric_history(tracker.run_id, "textcat/loss")) == 1000


def test_a_metric_that_could_not_be_written_is_reported(config: MlflowTracking) -> None:
    with (
        pytest.raises(UserError, match=r"tracking\.uri=sqlite:///mlflow\.db"),
        tracked_run(MlflowStore(config), "failing", NoTrial()) as tracker,
    ):
        tracker.metric("not/a name?", 0.5)


def test_files_that_can_not_be_copied_are_a_warning(config: MlflowTracking, tmp_path: Path) -> None:
    """MLflow keeps an experiment's files where the machine that made it had them."""
    client().create_experiment("elsewhere", artifact_location="/dev/null/mlruns")
    files, warnings = [tmp_path / "a", tmp_path / "b"], list[str]()
    for path in files:
        path.touch()
    with tracked_run(MlflowStore(config.model_copy(update={"experiment": "elsewhere"})), "far", NoTrial()) as tracker:
        copy_files(tracker, files, warnings.append)
    [warning] = warnings
    assert warning.startswith(f"{files[0]} is not copied to MLflow: tracking.uri=") and "\n" not in warning
    assert tracker.run_id is not None and client().get_run(tracker.run_id).info.status == "FINISHED"


def test_a_study_gets_another_parent_where_its_own_is_gone(config: MlflowTracking) -> None:
    store = MlflowStore(config)
    first = store.open_study("s1", "key", {}, None, False)
    assert first is not None and store.open_study("s1", "key", {}, first, False) == first
    client().delete_run(first)
    second = store.open_study("s1", "key", {}, first, False)
    assert second not in (None, first)
    assert store.open_study("s1", "key", {}, "0" * 32, True) == second
    assert store.open_study("s1", "another", {}, None, False) not in (None, first, second)


def test_a_study_that_goes_on_elsewhere_stays_one(config: MlflowTracking) -> None:
    """With another experiment its trials join it; what is raised is a tag, as parameters stay."""
    first = MlflowStore(config).open_study("s1", "key", {"n_trials": 2, "commit": "a"}, None, False)
    later = MlflowStore(config.model_copy(update={"experiment": "another"}))
    assert later.open_study("s1", "key", {"n_trials": 5, "commit": "a"}, first, False) == first
    trial = later.open_run("a trial", Trial(3, "s1", first))
    named = later.open_run("a trial", Trial(4, "s1", first), "its key")
    parent, *trials = (client().get_run(run_id) for run_id in (first, trial.run_id, named.run_id))
    assert {run.info.experiment_id for run in trials} == {parent.info.experiment_id}
    assert parent.data.params == {"n_trials": "2", "commit": "a"}
    assert parent.data.tags["n_trials"] == "5" and "commit" not in parent.data.tags
    later.open_study("s1", "key", {"n_trials": 2, "commit": "a"}, first, False)
    assert client().get_run(first).data.tags["n_trials"] == "2"


def test_nothing_of_a_run_stays_behind(config: MlflowTracking) -> None:
    import mlflow

    before = mlflow.get_tracking_uri()
    with (
        tracked_run(MlflowStore(config), "first", NoTrial()) as first,
        tracked_run(MlflowStore(config), "second", NoTrial()) as second,
    ):
        first.metric("dev/accuracy", 0.1)
        second.metric("dev/accuracy", 0.2)
    assert first.run_id is not None
    assert client().get_run(first.run_id).data.metrics == {"dev/accuracy": 0.1}
    assert mlflow.active_run() is None
    assert mlflow.get_tracking_uri() == before


@pytest.mark.parametrize(
    "uri",
    [
        "file:///somewhere",
        "mlruns",
        "sqlite://",
        "sqlite:///not_one.db",
        "sqlite:///not_one.db/mlflow.db",
        "sqlite:///.",
        "postgresql+psycopg2://me:secret@127.0.0.1:1/runs",
        "http://me:secret@127.0.0.1:1",
    ],
)
def test_a_store_that_can_not_be_opened_is_one_line_without_the_password(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("not_one.db").write_text("not a database, but long enough to be taken for one " * 9)
    config = MlflowTracking(name="mlflow", uri=uri, experiment="lmao", study=None, keep_models="best")
    start = time.perf_counter()
    with pytest.raises(UserError) as caught, tracked_run(MlflowStore(config), "never", NoTrial()):
        raise AssertionError("opened")
    assert time.perf_counter() - start < 60  # MLflow itself tries for two minutes
    message = str(caught.value)
    assert message.startswith("tracking.uri=")
    assert "\n" not in message
    assert "secret" not in message


def half_written(folder: Path) -> bool:
    """A whole store has 950 kB."""
    with suppress(FileNotFoundError):  # moved to its place meanwhile
        return any(path.is_file() and path.stat().st_size > 300_000 for path in folder.rglob("*mlflow.db"))
    return False


def test_a_first_start_that_is_killed_leaves_no_half_made_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: ForkServerContext
) -> None:
    barrier = processes.Barrier(1)
    worker = processes.Process(target=run_once, args=(tmp_path, "killed", barrier))
    worker.start()
    while worker.exitcode is None and not half_written(tmp_path):
        time.sleep(0.001)
    worker.kill()
    worker.join()
    monkeypatch.chdir(tmp_path)
    config = MlflowTracking(name="mlflow", uri="sqlite:///mlflow.db", experiment="lmao", study=None, keep_models="best")
    with tracked_run(MlflowStore(config), "next", NoTrial()) as tracker:
        assert tracker.run_id is not None


def test_tracking_off_takes_everything_and_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with tracked_run(open_store(NoTracking(name="off", keep_models="best")), "none", NoTrial()) as tracker:
        tracker.parameters({"a": {"b": 1}})
        tracker.tags({"study": "s"})
        tracker.dataset("imdb", "0", "here", "training")
        tracker.metric("dev/accuracy", 0.5)
        tracker.artifact(tmp_path)
        assert tracker.run_id is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", ["create_run", "log_batch", "set_terminated"])
def test_a_signal_within_a_write_waits_for_its_end_and_the_run_ends_killed(
    config: MlflowTracking, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    whole = getattr(MlflowClient, call)
    cut: list[str] = []

    def write(*arguments: Any, **named: Any) -> Any:
        if not cut:
            cut.append(call)
            signal.raise_signal(signal.SIGTERM)
        return whole(*arguments, **named)

    name = f"signal in {call}"
    monkeypatch.setattr(MlflowClient, call, write)
    with pytest.raises(Stopped), StopSignal(), tracked_run(open_store(config), name, NoTrial()) as tracker:
        tracker.tags({"a": "b"})
    [found] = [found for found in client().search_runs(["1"]) if found.info.run_name == name]
    assert found.info.status == ("FINISHED" if call == "set_terminated" else "KILLED")
