"""Sweeps of debug=tiny as a user starts them, and what they leave in the databases."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, str(ROOT / "train.py"), "--multirun", "debug=tiny"]
STOPPED = "stopped: what was finished is kept; the same command goes on from there\n"

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True)
class Ended:
    code: int
    output: str
    errors: str

    def trial_lines(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("trial ")]


class Place:
    """A folder in which sweeps are started."""

    def __init__(self, folder: Path, cache: Path, storage: str | None = None) -> None:
        self.folder = folder
        self.cache = cache
        self.storage = storage or f"sqlite:///{folder}/optuna.db"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**os.environ, "LMAO_CACHE": str(self.cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def sweep(self, *arguments: str) -> Ended:
        return ended(self.start(*arguments))

    def interrupt(self, number: signal.Signals, reached: Callable[[], bool], *arguments: str) -> Ended:
        """Send a signal as soon as something is reached."""
        process = self.start(*arguments)
        wait(reached, process)
        process.send_signal(number)
        return ended(process)

    def log(self, study: str, trial: int) -> str:
        """What a trial has logged so far."""
        path = self.folder / "multirun" / study / str(trial) / "train.log"
        return path.read_text() if path.exists() else ""

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


def ended(process: subprocess.Popen[str]) -> Ended:
    output, errors = process.communicate(timeout=300)
    return Ended(process.returncode, output, errors)


def wait(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, f"ended before: {process.communicate()}"
        assert time.monotonic() < deadline, "never reached"
        time.sleep(0.002)


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


def copy_inputs(cache: Path, other: Path) -> None:
    """Corpus and vectors, for trials to begin at once."""
    for kind in ("corpus", "vectors"):
        shutil.copytree(cache / kind, other / kind)
