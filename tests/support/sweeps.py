"""Sweeps of debug=tiny as a user starts them, and what they leave in the databases."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tests.support.processes import Place, RunningProcess

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Sweeps(Place):
    """A folder in which sweeps are started."""

    def __init__(self, folder: Path, cache: Path, storage: str | None = None) -> None:
        super().__init__(folder, cache, ["--multirun", "debug=tiny"])
        self.storage = storage or f"sqlite:///{folder}/optuna.db"

    def log(self, study: str, trial: int) -> str:
        """What a trial has logged so far."""
        path = self.folder / "multirun" / study / str(trial) / "train.log"
        return path.read_text() if path.exists() else ""

    @contextmanager
    def paused(self, process: RunningProcess) -> Iterator[None]:
        """Halt a sweep where it holds no lock, or others would find the databases locked for as long as it rests."""
        process.send_signal(signal.SIGSTOP)
        try:
            while not all(map(_is_free, self.folder.glob("*.db"))):
                process.send_signal(signal.SIGCONT)
                time.sleep(0.02)
                process.send_signal(signal.SIGSTOP)
            yield
        finally:
            if process.runs():
                process.send_signal(signal.SIGCONT)

    def trials(self, study: str) -> list[FrozenTrial]:
        storage = optuna.storages.RDBStorage(self.storage)
        found = optuna.load_study(study_name=study, storage=storage).get_trials()
        storage.engine.dispose()
        return found

    def runs(self) -> list[dict[str, Any]]:
        """MLflow's, of mlflow.db: tags with name and status, in the order of their start."""
        with sqlite3.connect(self.folder / "mlflow.db") as connection:
            rows = connection.execute("select run_uuid, name, status from runs order by start_time").fetchall()
            tags = connection.execute("select run_uuid, key, value from tags").fetchall()
        connection.close()
        return [
            {"id": run, "name": name, "status": status} | {key: value for owner, key, value in tags if owner == run}
            for run, name, status in rows
        ]


def _is_free(database: Path) -> bool:
    connection = sqlite3.connect(database, timeout=0, isolation_level=None)
    try:
        connection.execute("begin immediate")
    except sqlite3.OperationalError:
        return False
    else:
        return True
    finally:
        connection.close()


def kept(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Without those that another replaces."""
    replaced = {trial.user_attrs.get("replaces") for trial in trials}
    return [trial for trial in trials if trial.number not in replaced]


def points(trials: list[FrozenTrial]) -> list[tuple[Any, ...]]:
    """What was run: the settings with the seed, in the order of the seeds."""
    found = [(trial.user_attrs.get("seed"), *sorted(trial.params.items())) for trial in trials]
    return sorted(found, key=str)


def states(trials: list[FrozenTrial]) -> list[TrialState]:
    return [trial.state for trial in trials]
