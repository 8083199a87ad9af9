"""Trials that are lost to a kill or a stop: they become FAIL and no longer count; their points are queued again as new
trials, which name the lost ones in `replaces`."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from lmao.sweep.records import FIXED_PARAMETERS, TrialAttribute
from lmao.sweep.worker import WorkerMark

MOST_LOSSES = 3  # of one point: one that kills its process each time has failed; another's kills look the same


class Losses:
    """Of a study, as one worker sees them; who calls a method holds the database's lock.

    max_losses: of a point, None for any number.
    """

    def __init__(self, study: optuna.Study, storage: RDBStorage, worker: WorkerMark, max_losses: int | None) -> None:
        self._study = study
        self._storage = storage
        self._worker = worker
        self._max_losses = max_losses

    def reap(self) -> int:
        """Queue again what dead workers were running: at once on this machine, after GRACE_SECONDS on another. A worker
        of this machine without heartbeats may be alive: the machine may have slept."""
        running = running_trials(self._study)
        stale = self._storage._get_stale_trial_ids(self._study._study_id)
        dead = {
            trial.user_attrs[TrialAttribute.WORKER]
            for trial in running
            if TrialAttribute.WORKER in trial.user_attrs and self._worker.is_dead(trial.user_attrs)
        }
        lost = [
            trial
            for trial in running  # without a worker: killed while claiming it, since nobody else can claim now
            if trial.user_attrs.get(TrialAttribute.WORKER) in {None, *dead}
            or (trial._trial_id in stale and not self._worker.is_alive(trial.user_attrs))
        ]
        number = sum(self._lose(trial, 1) for trial in lost)
        for path in dead:
            Path(path).unlink(missing_ok=True)
        return number

    def _lose(self, trial: FrozenTrial, losses: int) -> bool:
        """Queue its point again, then end it: after a kill in between it is found again, but not queued twice. Returns:
        False if it has ended since it was looked at, as one may that was silent for too long."""
        if self._storage.get_trial(trial._trial_id).state.is_finished():
            return False
        losses += trial.user_attrs.get(TrialAttribute.LOSSES, 0)
        again = self._max_losses is None or losses < self._max_losses
        if again and trial.number not in replaced_numbers(self._study.get_trials(deepcopy=False)):
            # One whose worker died while drawing it is drawn again.
            point = (
                trial.params
                if TrialAttribute.WORKER in trial.user_attrs
                else trial.system_attrs.get(FIXED_PARAMETERS, {})
            )
            self._study.enqueue_trial(
                point, user_attrs={TrialAttribute.REPLACES: trial.number, TrialAttribute.LOSSES: losses}
            )
        with suppress(UpdateFinishedTrialError):
            if not again:
                died = f"its process died, {losses} times"
                self._storage.set_trial_user_attr(trial._trial_id, TrialAttribute.ERROR, died)
            self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        return True

    def lose_own(self, losses: int) -> None:
        for trial in running_trials(self._study):
            # One without a worker was being claimed by this one, or by one that is dead: nobody else can claim now.
            if TrialAttribute.WORKER not in trial.user_attrs or self._worker.is_mine(trial.user_attrs):
                self._lose(trial, losses)


def running_trials(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=[TrialState.RUNNING])


def replaced_numbers(trials: Sequence[FrozenTrial]) -> set[int]:
    return {
        trial.user_attrs[TrialAttribute.REPLACES] for trial in trials if TrialAttribute.REPLACES in trial.user_attrs
    }
