"""What means another place on another machine is made absolute, told of or refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lmao.config.overrides import quote
from lmao.config.run import Config
from lmao.errors import Unavailable, UserError
from lmao.sweep.places import absolute_paths, local_places
from lmao.sweep.storage import load_study
from lmao.tracking.off import NullStore
from tests.support.sweeps import Sweeps
from tests.support.workers import PRUNER, Worker

SERVER = "postgresql://me@host/optuna"


def test_workers_on_other_machines_are_told_of(
    compose: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = compose("cache_dir=cache")
    assert absolute_paths(relative) == [f"cache_dir={quote(str(tmp_path / 'cache'))}"]
    assert local_places(relative, SERVER, tmp_path / "runs" / "s", "runs") == (
        f"cache_dir=cache is {tmp_path}/cache, hydra.sweep.dir=runs is {tmp_path}/runs, "
        f"tracking.uri=sqlite:///mlflow.db is sqlite:///{tmp_path}/mlflow.db here: "
        "workers on other machines have their own"
    )
    assert local_places(relative, "sqlite:///optuna.db", tmp_path / "runs" / "s", "runs") is None
    shared = compose("cache_dir=/shared/cache", "tracking.uri=http://host:5000")
    assert absolute_paths(shared) == []
    assert local_places(shared, SERVER, tmp_path / "multirun" / "s", None) is None
    assert absolute_paths(compose("cache_dir='~/.cache/lmao'")) == []  # each has a home


def test_a_job_elsewhere_takes_the_same_cache(session_cache: Path, tmp_path: Path) -> None:
    """A relative cache is the one below the folder where the sweep was started."""
    place = Sweeps(tmp_path, session_cache)
    (tmp_path / "linked").symlink_to(session_cache)
    swept = place.finish("hydra.sweeper.n_trials=1", "pretrain.epochs=0", "cache_dir=linked")
    assert (swept.code, swept.errors) == (0, "")
    [settings] = tmp_path.glob("multirun/*/0/.hydra/config.yaml")
    assert f"cache_dir: {tmp_path}/linked\n" in settings.read_text()


def test_a_sqlite_file_is_for_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(tmp_path, NullStore())
    worker.claim()
    here = worker.study._worker.attributes["host"]
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    with pytest.raises(UserError) as refused:
        Worker(tmp_path, NullStore())
    assert str(refused.value) == (
        f"hydra.sweeper.storage=sqlite:///{tmp_path}/optuna.db: a worker on {here} is at it, too, and a SQLite file "
        "is for workers on one machine: give postgresql://…; if that worker is dead, wait 4 minutes"
    )


def test_a_job_that_does_not_find_the_sqlite_file_makes_none(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="there is no such file on"):
        load_study(f"sqlite:///{tmp_path}/optuna.db", "s", PRUNER)
    assert not (tmp_path / "optuna.db").exists()
