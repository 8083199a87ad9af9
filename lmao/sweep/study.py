"""A study in Optuna's database that several workers share: created once, claimed by trials, repaired after kills."""

import socket
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from lmao.database import exclusive, patiently, scheme
from lmao.errors import UserError
from lmao.stop import StopSignal
from lmao.sweep.identity import difference
from lmao.sweep.losses import MOST_LOSSES, Losses, replaced_numbers, running_trials
from lmao.sweep.own_folder import take
from lmao.sweep.records import FIXED_PARAMETERS, StudyAttribute, TrialAttribute
from lmao.sweep.storage import FAILURES, GRACE_SECONDS, HEARTBEAT_SECONDS, open_storage, shared_url, storage_errors
from lmao.sweep.worker import WorkerMark

T = TypeVar("T")


class SharedStudy:
    """One worker's view of a study; `study` and `n_trials` are set by `prepare`.

    sampler(n) makes the sampler of the n-th trial; folder is the study's; max_losses: of a point, None for any
    number.

    A stop waits for the end of a transaction: one that is left open locks SQLite's file against this very process.

    Raises:
        UserError: in any method: the database fails.
    """

    study: optuna.Study
    n_trials: int
    _worker: WorkerMark
    _losses: Losses

    def __init__(
        self, url: str, name: str, folder: Path, sampler: Callable[[int], Any], max_losses: int | None = MOST_LOSSES
    ) -> None:
        self.url = shared_url(url)
        self.name = name
        self.folder = folder
        self._sampler = sampler
        self._max_losses = max_losses
        with self._alone():  # the tables are created once
            self._storage = open_storage(self.url)

    def prepare(
        self,
        same: Mapping[str, Any],
        attributes: Mapping[str, Any],
        n_trials: int,
        points: Sequence[Mapping[str, Any]],
    ) -> int:
        """Create the study, with points to be run as they are, or check that an existing one is the same.

        same: attributes that mustn't change; of the others, what was once true stays true. Returns: how many trials
        were lost to kills since the last worker looked.

        Raises:
            UserError: the study has different settings, or a different space; its folder is another study's.
        """
        with self._alone():
            self.study = optuna.create_study(
                study_name=self.name, storage=self._storage, direction="maximize", load_if_exists=True
            )
            self._require_one_machine()
            if StudyAttribute.RUN_KEY not in self.study.user_attrs:
                self.study.set_user_attr(StudyAttribute.RUN_KEY, uuid.uuid4().hex)
            take(self.folder, self.study.user_attrs[StudyAttribute.RUN_KEY], self.url)
            old = self.study.user_attrs
            for name, value in same.items():
                if name in old and old[name] != value:
                    raise UserError(
                        f"study {self.name} was made with different settings ({difference(name, old[name], value)})",
                        advice="give the new one its own hydra.sweeper.study_name, or use the old settings",
                    )
            trials = self.study.get_trials(deepcopy=False)
            there = [trial.system_attrs.get(FIXED_PARAMETERS) for trial in trials]
            for point in points:
                if point not in there:
                    self.study.enqueue_trial(dict(point))
            self.n_trials = min(n_trials, len(self._places())) if points else n_trials
            for name, value in {**same, **attributes, StudyAttribute.N_TRIALS: self.n_trials}.items():
                if old.get(name) != value and old.get(name) is not True:
                    self.study.set_user_attr(name, value)
            self._worker = WorkerMark(self.folder)
            self._losses = Losses(self.study, self._storage, self._worker, self._max_losses)
            lost = self._losses.reap()
            # One may have died since, whose trial can't be seen to without its file.
            running = running_trials(self.study)
            self._worker.remove_dead({trial.user_attrs.get(TrialAttribute.WORKER) for trial in running})
            return lost

    def claim(
        self, most: int, suggest: Callable[[optuna.Trial], None], own_seeds: bool
    ) -> tuple[list[optuna.Trial], int]:
        """The next trials, with their parameters; none if all of the budget is done, or running elsewhere. And how
        many trials of other workers were found lost.

        own_seeds: the n-th trial of any study has seed n, so that studies of one size are paired.
        """

        def claimed() -> tuple[list[optuna.Trial], int]:
            with self._alone():
                self._losses.lose_own(0)  # who claims runs none: they were claimed before the database went away
                lost = self._losses.reap()
                number = min(most, max(0, self.n_trials - len(self.counted_trials())))
                return [self._ask(suggest, own_seeds) for _ in range(number)], lost

        return patiently(self.url, claimed)

    def counted_trials(self) -> list[FrozenTrial]:
        """The trials that have begun, without the lost ones."""
        trials = self._whole(lambda: self.study.get_trials(deepcopy=False))
        lost = replaced_numbers(trials)
        return [trial for trial in trials if trial.state != TrialState.WAITING and trial.number not in lost]

    def finished_trials(self) -> list[FrozenTrial]:
        return [trial for trial in self.counted_trials() if trial.state.is_finished()]

    def numbers(self, state: TrialState) -> set[int]:
        """The numbers of the trials in a state; FAIL has the lost ones too."""
        trials = self._whole(lambda: self.study.get_trials(deepcopy=False, states=[state]))
        return {trial.number for trial in trials}

    def is_complete(self) -> bool:
        """All of the budget has ended."""
        return len(self.finished_trials()) >= self.n_trials

    def tell(
        self, trial: optuna.Trial, state: TrialState, accuracy: float | None = None, error: str | None = None
    ) -> FrozenTrial:
        """Record a trial's outcome; without effect if another worker has declared it lost."""

        def told() -> FrozenTrial:
            with suppress(UpdateFinishedTrialError):
                if error is not None:
                    trial.set_user_attr(TrialAttribute.ERROR, error)
                self.study.tell(trial, accuracy, state, skip_if_finished=True)
            return self.study.get_trials(deepcopy=False)[trial.number]

        with storage_errors(self.url):
            return self._whole(told)

    def requeue(self, losses: int) -> None:
        """Queue the points of this worker's unfinished trials again. losses: 1 if they were lost to a kill, which they
        may have caused."""
        with self._alone():
            self._losses.lose_own(losses)

    @contextmanager
    def alive(self, trials: Sequence[optuna.Trial]) -> Iterator[None]:
        """Record heartbeats while the block runs: workers on other machines see nothing else of this one."""
        ended = threading.Event()

        def beat() -> None:
            while True:
                with suppress(*FAILURES):  # the next one will do
                    for trial in trials:
                        self._storage.record_heartbeat(trial._trial_id)
                if ended.wait(HEARTBEAT_SECONDS):
                    return

        thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def close(self) -> None:
        self._worker.release()

    def _ask(self, suggest: Callable[[optuna.Trial], None], own_seeds: bool) -> optuna.Trial:
        trials = self.study.get_trials(deepcopy=False)
        waiting = next((trial for trial in trials if trial.state == TrialState.WAITING), None)
        place = _place(trials, len(trials) if waiting is None else waiting.number)
        is_enqueued = waiting is not None and waiting.system_attrs[FIXED_PARAMETERS]
        # The place decides what is drawn, so kills don't change it; and a given point doesn't use up a draw.
        self.study.sampler = optuna.samplers.RandomSampler() if is_enqueued else self._sampler(place)
        with warnings.catch_warnings(action="ignore"):  # heartbeats without Study.optimize, experimental settings
            trial = self.study.ask()
        self._storage.record_heartbeat(trial._trial_id)
        suggest(trial)
        if own_seeds:
            trial.set_user_attr(TrialAttribute.SEED, place)
        for name, value in self._worker.attributes.items():
            trial.set_user_attr(name, value)
        return trial

    def _require_one_machine(self) -> None:
        """Raises UserError: a worker of another machine is at a SQLite file, whose locks do not reach that far."""
        if scheme(self.url) != "sqlite":
            return
        stale = self._storage._get_stale_trial_ids(self.study._study_id)
        for trial in running_trials(self.study):
            host = trial.user_attrs.get(TrialAttribute.HOST)
            if host not in (None, socket.gethostname()) and trial._trial_id not in stale:
                raise UserError(
                    f"a worker on {host} is at it, too, and a SQLite file is for workers on one machine",
                    setting=f"hydra.sweeper.storage={self.url}",
                    advice=f"give postgresql://…; if that worker is dead, wait {GRACE_SECONDS // 60} minutes",
                )

    def _places(self) -> list[FrozenTrial]:
        return [
            trial for trial in self.study.get_trials(deepcopy=False) if TrialAttribute.REPLACES not in trial.user_attrs
        ]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with storage_errors(self.url), exclusive(self.url), StopSignal.uninterrupted():
            yield

    def _whole(self, action: Callable[[], T]) -> T:
        return patiently(self.url, StopSignal.uninterrupted()(action))


def _place(trials: Sequence[FrozenTrial], number: int) -> int:
    """How many trials came before this one, or before the one that it replaces, counting none twice."""
    while number < len(trials) and TrialAttribute.REPLACES in trials[number].user_attrs:
        number = trials[number].user_attrs[TrialAttribute.REPLACES]
    return sum(TrialAttribute.REPLACES not in trial.user_attrs for trial in trials[:number])
