"""Workers on a real PostgreSQL server. LMAO_TEST_POSTGRES is the URL of a database of it, with a password."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Timer
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState
from sqlalchemy.engine import make_url

from lmao.database import exclusive
from lmao.errors import Unavailable
from lmao.sweep.parent import ParentRun
from lmao.sweep.storage import open_storage, storage_errors
from lmao.sweep.study import SharedStudy
from lmao.sweep.trial import Spec, StoredTrial
from lmao.tracking.mlflow_client import mlflow_errors, open_client
from lmao.tracking.off import NullStore
from tests.support.sweeps import Sweeps, kept, states
from tests.support.workers import ATTRIBUTES, PRUNER

URL = os.environ.get("LMAO_TEST_POSTGRES", "")
WORKERS, TRIALS = 3, 6
COMMAND = [
    "sweep=random", "pretrain.epochs=0", "textcat.epochs=4", "textcat.patience=4", "hydra.sweeper.study_name=shared",
    "tracking=mlflow", f"hydra.sweeper.n_trials={TRIALS}",
]  # fmt: skip

pytestmark = pytest.mark.skipif(not URL, reason="LMAO_TEST_POSTGRES is not set: .ci/postgres start FOLDER prints a URL")


@pytest.fixture(scope="module")
def databases() -> Iterator[tuple[str, str]]:
    """URLs of two empty databases."""
    engine = sqlalchemy.create_engine(URL, isolation_level="AUTOCOMMIT")
    names = [f"lmao_{os.getpid()}_{use}" for use in ("optuna", "mlflow")]
    with engine.connect() as connection:
        for name in names:
            connection.execute(sqlalchemy.text(f"create database {name}"))
    urls = [make_url(URL).set(database=name).render_as_string(hide_password=False) for name in names]
    yield urls[0], urls[1]
    with engine.connect() as connection:
        for name in names:
            connection.execute(sqlalchemy.text(f"drop database {name} with (force)"))
    engine.dispose()


@pytest.fixture(scope="module")
def place(databases: tuple[str, str], session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweeps:
    """Where workers started at once on empty databases, of which one was killed."""
    place = Sweeps(tmp_path_factory.mktemp("postgres"), session_cache, databases[0])
    arguments = [*COMMAND, f"hydra.sweeper.storage={databases[0]}", f"tracking.uri={databases[1]}"]
    first = place.start(*arguments, "hydra.sweep.dir=first")  # so that one sees what it is at
    others = [place.start(*arguments) for _ in range(WORKERS - 1)]
    first.wait(lambda: any("data: " in log.read_text() for log in place.folder.glob("first/shared/*/train.log")))
    first.send_signal(signal.SIGKILL)
    ends = [worker.ended() for worker in (first, *others)]
    assert [(end.code, end.errors) for end in ends] == [(-9, ""), *[(0, "")] * (WORKERS - 1)]
    (place.folder / "screen").write_text("".join(end.output for end in ends))
    return place


def values(url: str) -> list[str]:
    """All that a database holds, a row a text."""
    engine = sqlalchemy.create_engine(url)
    rows = []
    with engine.connect() as connection:
        for table in sqlalchemy.inspect(engine).get_table_names():
            rows += [row[0] for row in connection.execute(sqlalchemy.text(f'select t::text from "{table}" t'))]
    engine.dispose()
    return rows


def test_a_killed_worker_costs_one_trial(place: Sweeps) -> None:
    trials = place.trials("shared")
    assert states(kept(trials)) == [TrialState.COMPLETE] * TRIALS
    assert states(trials).count(TrialState.FAIL) == len(trials) - TRIALS == 1
    assert sorted(trial.user_attrs["seed"] for trial in kept(trials)) == list(range(TRIALS))
    assert len({tuple(trial.params.values()) for trial in kept(trials)}) == TRIALS


def test_mlflow_has_every_run_and_one_parent(place: Sweeps, databases: tuple[str, str]) -> None:
    engine = sqlalchemy.create_engine(databases[1])
    with engine.connect() as connection:
        statuses = connection.execute(sqlalchemy.text("select status from runs order by status")).scalars().all()
        parents = connection.execute(
            sqlalchemy.text("select value, count(*) from tags where key = 'mlflow.parentRunId' group by value")
        ).all()
    engine.dispose()
    assert statuses[: 1 + TRIALS] == ["FINISHED"] * (1 + TRIALS)
    assert statuses[1 + TRIALS :] in (["KILLED"], [])  # it may have been killed before there was a run
    assert len(parents) == 1 and parents[0][1] == len(statuses) - 1


def test_the_password_is_nowhere(place: Sweeps, databases: tuple[str, str]) -> None:
    password = make_url(URL).password
    assert password
    for path in place.folder.rglob("*"):
        assert not path.is_file() or password.encode() not in path.read_bytes(), path
    for url in databases:
        assert not [row for row in values(url) if password in row]
    settings = next(place.folder.glob("multirun/shared/*/.hydra/config.yaml")).read_text()
    assert ":***@" in settings


def test_databases_of_one_server_are_locked_apart(databases: tuple[str, str]) -> None:
    with exclusive(databases[0]), exclusive(databases[1]):
        pass


def test_one_database_for_both_is_refused(place: Sweeps, databases: tuple[str, str], tmp_path: Path) -> None:
    other = Sweeps(tmp_path, place.cache)
    swept = other.finish(*COMMAND, f"hydra.sweeper.storage={databases[0]}", f"tracking.uri={databases[0]}")
    assert (swept.code, swept.output) == (2, "")
    assert swept.errors == "error: tracking.uri and hydra.sweeper.storage are one database: give each its own\n"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "nope"}, "password authentication failed"),
        ({"username": "nobody"}, "password authentication failed"),
        ({"password": ""}, "no password supplied"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
    ],
)
def test_whom_a_server_refuses_need_not_come_again(
    wrong: Mapping[str, Any], said: str, databases: tuple[str, str]
) -> None:
    url = make_url(databases[0]).set(**wrong).render_as_string(hide_password=False)
    with pytest.raises(Unavailable, match=said) as by_optuna, storage_errors(url):
        open_storage(url)
    with pytest.raises(Unavailable, match=said) as by_mlflow, mlflow_errors(url):
        open_client(url)
    assert [type(caught.value) for caught in (by_optuna, by_mlflow)] == [Unavailable, Unavailable]


def test_a_worker_waits_for_a_server_that_restarts(databases: tuple[str, str], tmp_path: Path) -> None:
    """As far as a worker can tell: its connections end, and for a while no other can be made."""
    study = SharedStudy(databases[0], "restarted", tmp_path, lambda place: optuna.samplers.RandomSampler())
    study.prepare({}, ATTRIBUTES, 3, [])
    engine = sqlalchemy.create_engine(URL, isolation_level="AUTOCOMMIT")
    name = make_url(databases[0]).database

    def allow(whether: bool) -> None:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"alter database {name} with allow_connections {whether}"))
            if not whether:
                ends = "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name"
                connection.execute(sqlalchemy.text(ends), {"name": name})

    def restarting() -> Timer:
        allow(False)
        timer = Timer(2, allow, (True,))
        timer.start()
        return timer

    def suggest(trial: optuna.Trial) -> None:
        trial.suggest_float("x", 0, 1)

    started = time.monotonic()
    timers = [restarting()]
    [trial], _ = study.claim(1, suggest, own_seeds=True)
    timers.append(restarting())
    job = StoredTrial(Spec(study.url, "restarted", trial.number, trial._trial_id, PRUNER, True, None, "."))
    job.begin(tmp_path, "a run", "a commit")
    timers.append(restarting())
    assert study.tell(trial, TrialState.COMPLETE, 0.5).state == TrialState.COMPLETE
    timers.append(restarting())
    parent = ParentRun(study, NullStore(), "best", pytest.fail)
    timers.append(restarting())
    parent.finish(failed=False)
    assert 2 * len(timers) < time.monotonic() - started < 20 * len(timers)
    for timer in timers:
        timer.join()
    study.close()
    engine.dispose()
