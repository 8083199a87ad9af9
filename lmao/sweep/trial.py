"""A trial, seen from the job that runs it: here, or in a process or on a machine that a launcher chose."""

import os
import socket
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lmao.errors import AlreadyRun, Away, OutOfMemory, Pruned, Unavailable
from lmao.explain import chain, trouble
from lmao.stop import StopSignal
from lmao.sweep.records import TrialAttribute
from lmao.tracking.trial import NoTrial, RunTrial

T = TypeVar("T")


@dataclass(frozen=True)
class Spec:
    """What a job knows about its trial. It travels with the job and is never written: storage may hold a password."""

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

        from lmao.sweep.progress import ProgressNotes
        from lmao.sweep.storage import DATABASE, load_study, open_storage, storage_errors

        self.number: int | None = spec.number
        self.study: str | None = spec.study
        self.parent_run_id = spec.parent_run_id
        self._reuse = spec.reuse
        self._storage = spec.storage
        self._errors = partial(storage_errors, spec.storage, DATABASE)
        study = self._patiently(lambda: load_study(spec.storage, spec.study, spec.pruner))
        self._trial = self._patiently(lambda: optuna.Trial(study, spec.trial_id))
        write = partial(open_storage(spec.storage).set_trial_user_attr, spec.trial_id, TrialAttribute.PROGRESS)
        self.progress = ProgressNotes(write).take

    def begin(self, folder: Path, run_id: str | None, commit: str) -> None:
        self._remember(
            {
                TrialAttribute.FOLDER: str(folder),
                TrialAttribute.RUN_ID: run_id,
                TrialAttribute.HOST: socket.gethostname(),
                TrialAttribute.CODE: commit,
            }
        )

    def look_up(self, inputs: Mapping[str, str], sources: str) -> None:
        from optuna.trial import TrialState

        own = {TrialAttribute.INPUTS: dict(inputs), TrialAttribute.SOURCES: sources}
        if self._reuse:
            with self._errors():
                study = self._trial.study
                others = self._patiently(lambda: study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))
            for other in others:
                if all(other.user_attrs.get(name) == value for name, value in own.items()):
                    where = f"{self.study}/{other.number}"
                    same = {name: other.user_attrs.get(name) for name in (TrialAttribute.FOLDER, TrialAttribute.EPOCHS)}
                    self._remember({TrialAttribute.REUSED: where, **same})
                    raise AlreadyRun(other.values[0], where)
        self._remember(own)

    def report(self, epoch: int, accuracy: float) -> None:
        with self._errors():
            self._patiently(lambda: self._trial.report(accuracy, epoch))
            prune = self._patiently(self._trial.should_prune)
        if prune:
            self._remember({TrialAttribute.EPOCHS: epoch})
            raise Pruned(f"pruned after epoch {epoch} at {accuracy:.3f}")

    def end(self, seconds: float, epochs: int) -> None:
        self._remember({TrialAttribute.SECONDS: seconds, TrialAttribute.EPOCHS: epochs})

    def _patiently(self, action: Callable[[], T]) -> T:
        """A stop waits for the end, as in `SharedStudy`."""
        from lmao.database import patiently

        return patiently(self._storage, StopSignal.uninterrupted()(action))

    def _remember(self, values: Mapping[str, Any]) -> None:
        with self._errors():
            for name, value in values.items():
                if value is not None:
                    self._patiently(partial(self._trial.set_user_attr, name, value))


_spec: ContextVar[Spec | None] = ContextVar("spec", default=None)


def current_trial() -> RunTrial:
    """The trial that this job runs."""
    spec = _spec.get()
    return NoTrial() if spec is None else StoredTrial(spec)


class TrialTask:
    """Hydra's task function, which knows its job's trial: the one that the job's folder is named after.

    Raises:
        Unavailable: the machine is to blame. Decided here, since an error's cause doesn't travel between processes.
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
            line = trouble(error)
            if line is None:
                raise
            kind = OutOfMemory if any(isinstance(one, MemoryError) for one in chain(error)) else Unavailable
            raise (Away if isinstance(error, Away) else kind)(line) from error
        finally:
            _spec.reset(token)
