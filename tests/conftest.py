"""What every test shares: a cache of its own for the session, and composed configs.

`make test` gives whole files to several processes, each of which has a session of its own. The imports here compile
what numba compiles before these processes start.
"""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rich.console
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from lmao import cli
from lmao.cache import Cache
from lmao.config.run import Config
from lmao.config.validation import validate
from lmao.console import Console
from lmao.corpus.corpus import Corpus
from lmao.corpus.encoding import encode
from lmao.data.source import open_source
from lmao.paths import CONF
from lmao.run.experiment import run
from lmao.stop import StopSignal
from lmao.tracking.mlflow_client import open_client
from lmao.tracking.store import open_store
from lmao.tracking.trial import NoTrial
from tests.support.finished import Finished
from tests.support.processes import warm

LONGEST = ("test_kills", "test_sweep", "test_postgres", "test_crashes", "test_ends")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that none is left over when the other processes have no more to do."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """LMAO_CACHE in a temporary folder, for the tests and the processes they start."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("LMAO_CACHE", str(folder))
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        patch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
        yield folder


@pytest.fixture(scope="session")
def compose(session_cache: Path) -> Callable[..., Config]:
    """`compose("data=imdb", "seed=1")`: conf/ with overrides, validated."""

    def composed(*overrides: str) -> Config:
        with initialize_config_dir(config_dir=str(CONF)):
            return validate(cli.plain(hydra_compose("config", list(overrides))))

    return composed


@pytest.fixture(scope="session")
def mlflow_database(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty mlflow.db, to be copied: its tables take a second to make."""
    path = tmp_path_factory.mktemp("tables") / "mlflow.db"
    process = warm().Process(target=open_client, args=(f"sqlite:///{path}",))
    process.start()
    process.join()
    assert process.exitcode == 0
    return path


@pytest.fixture(scope="session")
def tiny(compose: Callable[..., Config]) -> Config:
    return compose("debug=tiny")


@pytest.fixture(scope="session")
def corpus(tiny: Config, session_cache: Path) -> Corpus:
    """The docstrings of debug=tiny, encoded."""
    cache = Cache(session_cache, warn=pytest.fail)
    return encode(open_source(tiny.data, session_cache), "en", cache, threads=1, advance=lambda words: None)[0]


@pytest.fixture(scope="session")
def finished(compose: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Finished]:
    """`finished("seed=1")`: debug=tiny with overrides on one thread, run once a session."""
    runs: dict[tuple[str, ...], Finished] = {}

    def once(*overrides: str) -> Finished:
        if overrides not in runs:
            settings = compose("debug=tiny", "threads=1", *overrides)
            folder, output = tmp_path_factory.mktemp("run"), io.StringIO()
            store = open_store(settings.tracking)
            result = run(settings, folder, Console(rich.console.Console(file=output)), StopSignal(), NoTrial(), store)
            runs[overrides] = Finished(settings, folder, result, output.getvalue())
        return runs[overrides]

    return once
