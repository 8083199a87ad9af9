"""A worker of a sweep in this process, step by step, so that a test decides what happens between two of them."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from lmao.sweep.parent import ParentRun
from lmao.sweep.study import SharedStudy
from lmao.sweep.trial import Spec, StoredTrial
from lmao.tracking.store import TrackingStore

ATTRIBUTES = {"sampler": "random", "space": {}, "science": {}, "commit": "0123abc"}
PRUNER = {"_target_": "optuna.pruners.NopPruner"}


class Worker:
    """Of the study `s`, whose database and folder are below `folder`."""

    def __init__(self, folder: Path, store: TrackingStore, n_trials: int = 3) -> None:
        random = optuna.samplers.RandomSampler()
        self.study = SharedStudy(f"sqlite:///{folder}/optuna.db", "s", folder / "s", lambda place: random)
        store.prepare(self.study.url)
        self.study.prepare({}, ATTRIBUTES, n_trials, [])
        self.parent = ParentRun(self.study, store, "best", pytest.fail)

    def claim(self) -> StoredTrial:
        """The next trial, as its job sees it."""
        [self._trial], _ = self.study.claim(1, lambda trial: None, own_seeds=True)
        number, trial_id = self._trial.number, self._trial._trial_id
        return StoredTrial(Spec(self.study.url, "s", number, trial_id, PRUNER, False, self.parent.run_id, "."))

    def tell(self, state: TrialState, accuracy: float | None = None) -> FrozenTrial:
        """Record the outcome of the trial that was claimed last."""
        return self.study.tell(self._trial, state, accuracy)

    def die(self) -> None:
        """What the system does when a worker is killed."""
        self.study._worker._lock.release()

    def look_for_the_lost(self) -> None:
        self.study.claim(0, lambda trial: None, own_seeds=True)
        self.parent.end_lost_runs()
