"""A trial, seen from the job that runs it: here, or in a process or on a machine that a launcher chose."""

import os
import socket
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lmao import cli
from lmao.errors import AlreadyRun, Pruned, Unavailable
from lmao.tracking.trial import NoTrial, Trial


@dataclass(frozen=True)
class Spec:
    """What a job is told of its trial. It travels with the job and is written nowhere: storage may hold a password."""

    storage: str
    study: str
    number: int
    trial_id: int
    pruner: Mapping[str, Any]
    reuse: bool
    parent_run_id: str | None
    folder: str  # where the relative paths of its settings start


class StoredTrial:
    """A trial of a study in Optuna's database."""

    def __init__(self, spec: Spec) -> None:
        import optuna

        from lmao.sweep.storage import DATABASE, load_study, told

        self.number: int | None = spec.number
        self.study: str | None = spec.study
        self.parent_run_id = spec.parent_run_id
        self._reuse = spec.reuse
        self._told = partial(told, spec.storage, DATABASE)
        self._trial = optuna.Trial(load_study(spec.storage, spec.study, spec.pruner), spec.trial_id)

    def started(self, folder: Path, run_id: str | None) -> None:
        self._remember(folder=str(folder), mlflow_run_id=run_id, host=socket.gethostname())

    def known(self, inputs: Mapping[str, str], code: str) -> None:
        from optuna.trial import TrialState

        own = {"inputs": dict(inputs), "code": code}
        if self._reuse:
            with self._told():
                others = self._trial.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
            for other in others:
                if all(other.user_attrs.get(name) == value for name, value in own.items()):
                    where = f"{self.study}/{other.number}"
                    kept = {name: other.user_attrs.get(name) for name in ("folder", "epochs")}
                    self._remember(reused=where, code=code, **kept)
                    raise AlreadyRun(other.values[0], where)
        self._remember(**own)

    def report(self, epoch: int, accuracy: float) -> None:
        with self._told():
            self._trial.report(accuracy, epoch)
            prune = self._trial.should_prune()
        if prune:
            self._remember(epochs=epoch)
            raise Pruned(f"pruned after epoch {epoch} at {accuracy:.3f}")

    def finished(self, seconds: float, epochs: int) -> None:
        self._remember(seconds=seconds, epochs=epochs)

    def _remember(self, **values: Any) -> None:
        with self._told():
            for name, value in values.items():
                if value is not None:
                    self._trial.set_user_attr(name, value)


_spec: ContextVar[Spec | None] = ContextVar("spec", default=None)


def current_trial() -> Trial:
    """The trial that this job runs."""
    spec = _spec.get()
    return NoTrial() if spec is None else StoredTrial(spec)


class TrialTask:
    """Hydra's task function, told which trial its job is: the one that the job's folder is named after.

    Raises:
        Unavailable: the machine is at fault. Told here, as what an error came from does not travel with it.
    """

    def __init__(self, task: Callable[[DictConfig], Any]) -> None:
        self.task = task
        self.specs: dict[str, Spec] = {}

    def __call__(self, composed: DictConfig) -> Any:
        spec = self.specs[str(HydraConfig.get().sweep.subdir)]
        if Path(spec.folder).is_dir():  # some launchers run jobs in folders of their own
            os.chdir(spec.folder)
        token = _spec.set(spec)
        try:
            return self.task(composed)
        except Exception as error:
            line = cli.trouble(error)
            if line is None:
                raise
            raise Unavailable(line) from error
        finally:
            _spec.reset(token)
