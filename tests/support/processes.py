"""Commands in processes of their own, forked from one that has the imports of a sweep behind it.

They are killed and stopped like any others, but start within a tenth of a second where Python takes four. What a cold
start does, its imports' warnings and its time, is seen in test_cli and test_experiment.
"""

import atexit
import multiprocessing
import os
import random
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np

from lmao.paths import ROOT

TRAIN = str(ROOT / "train.py")
STOPPED = "stopped: what was finished is kept; the same command resumes from there\n"
IMPORTED = [
    "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper", "lmao.report.__main__", "lmao.run.experiment",
    "lmao.run.export", "lmao.sweep.sweeper", "mlflow.store.tracking.sqlalchemy_store", "optuna.storages",
    "optuna.terminator", "spacy.lang.en", "tests.support.broken",
]  # fmt: skip


@dataclass(frozen=True)
class ProcessResult:
    """The exit code, minus the signal's number after a kill; and what it said."""

    code: int
    output: str
    errors: str

    def trial_lines(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("trial ")]


class RunningProcess:
    """A command that runs."""

    def __init__(self, folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._outputs = tempfile.TemporaryDirectory()
        self._process = warm().Process(target=_run, args=(folder, command, environment, self._outputs.name))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def runs(self) -> bool:
        return self._process.exitcode is None

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def ended(self, seconds: float = 600) -> ProcessResult:
        """Wait for its end, once; after so many seconds it is killed."""
        self._process.join(seconds)
        if self.runs():
            self._process.kill()
            self._process.join()
        output, errors = ((Path(self._outputs.name) / name).read_text() for name in ("output", "errors"))
        self._outputs.cleanup()
        assert self._process.exitcode is not None
        return ProcessResult(self._process.exitcode, output, errors)

    def wait(self, reached: Callable[[], bool]) -> None:
        """Wait for something that it does."""
        deadline = time.monotonic() + 300
        while not reached():
            assert self.runs(), f"ended before: {self.ended()}"
            assert time.monotonic() < deadline, f"never reached: {self.ended(0)}"
            time.sleep(0.002)


class Place:
    """A folder in which `python train.py` is given, with a cache."""

    def __init__(self, folder: Path, cache: Path, command: Sequence[str] = ()) -> None:
        self.folder = folder
        self.cache = cache
        self._command = command

    def start(self, *arguments: str) -> RunningProcess:
        return self._start(TRAIN, *self._command, *arguments)

    def finish(self, *arguments: str) -> ProcessResult:
        return self.start(*arguments).ended()

    def finish_module(self, name: str, *arguments: str) -> ProcessResult:
        """Run `python -m <name>` instead."""
        return self._start(name, *arguments).ended()

    def interrupt(self, number: signal.Signals, reached: Callable[[], bool], *arguments: str) -> ProcessResult:
        """Send a signal as soon as something is reached."""
        process = self.start(*arguments)
        process.wait(reached)
        process.send_signal(number)
        return process.ended()

    def _start(self, *command: str) -> RunningProcess:
        return RunningProcess(self.folder, command, {**os.environ, "LMAO_CACHE": str(self.cache)})

    def copy_inputs(self, cache: Path) -> None:
        """Corpus and vectors of another cache, for training to begin at once."""
        for kind in ("labels", "corpus", "vectors"):
            shutil.copytree(cache / kind, self.cache / kind)


def warm() -> ForkServerContext:
    """Where processes begin with the imports of a sweep; MLflow's take seconds."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # it is read when MLflow is imported
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


def _run(folder: Path, command: Sequence[str], environment: Mapping[str, str], said: str) -> None:
    """command: a script, or a module's name, and its arguments."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, name in ((1, "output"), (2, "errors")):
        file = os.open(Path(said) / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    random.seed()  # or each process would draw what the others do
    np.random.seed()
    sys.argv = list(command)
    try:
        if command[0] == TRAIN:
            runpy.run_path(TRAIN, run_name="__main__")
        else:
            sys.modules.pop(f"{command[0]}.__main__", None)  # imported beforehand, which runpy would warn of
            runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    finally:  # what Python does at its end and multiprocessing does not, or not before it waits for children
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
