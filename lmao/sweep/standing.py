"""How a study stands: its record comes in; what is done, who is at work, the pace and the time left go out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lmao.sweep.records import State, StudyRecord, TrialRecord
from lmao.sweep.storage import GRACE_SECONDS
from lmao.sweep.worker import is_dead_here

BETWEEN_SECONDS = 30  # from the end of a trial until its worker has begun another
RECENT = 20  # trials that say how long one takes


@dataclass(frozen=True)
class Work:
    """A trial that is being run. `seconds`: since it began; `silent`: since its worker's last sign of life, every 30 s;
    `lost`: its worker is dead, or nothing was heard of it for too long."""

    trial: int
    host: str | None
    stage: str | None
    share: float | None
    seconds: float | None
    silent: float | None
    lost: bool


@dataclass(frozen=True)
class Standing:
    """Trials in each state; those of `total` are complete, pruned, failed, running, or waiting for a worker.

    lost: to a kill; others repeat them. per_hour: how many ended in the last hour, or since the study began if that is
    less; None where none did. seconds_left: with the workers that are there; None where nobody knows.
    """

    study: str
    total: int
    complete: int
    pruned: int
    failed: int
    running: int
    waiting: int
    lost: int
    best: float | None
    best_trial: int | None
    per_hour: float | None
    seconds_left: float | None
    at_work: bool
    work: Sequence[Work]

    @property
    def finished(self) -> int:
        return self.complete + self.pruned + self.failed

    @property
    def done(self) -> bool:
        return self.finished >= self.total


def standing(study: StudyRecord, now: datetime) -> Standing:
    """now: as the workers' clocks have it."""
    finished = [trial for trial in study.trials if trial.state in (State.COMPLETE, State.PRUNED, State.FAILED)]
    work = [_work(trial, now) for trial in study.of(State.RUNNING)]
    running = sum(not one.lost for one in work)
    known = len(finished) + len(work) + len(study.of(State.WAITING))
    total = known if study.budget is None else max(study.budget, len(finished))
    best = study.best()
    ends = sorted(trial.ended for trial in finished if trial.ended is not None)
    return Standing(
        study=study.name,
        total=total,
        complete=len(study.complete),
        pruned=len(study.of(State.PRUNED)),
        failed=len(study.of(State.FAILED)),
        running=running,
        waiting=max(0, total - len(finished) - running),
        lost=len(study.lost) + len(work) - running,
        best=None if best is None else best.accuracy,
        best_trial=None if best is None else best.number,
        per_hour=_per_hour(study, ends, now),
        seconds_left=_seconds_left(finished, [one for one in work if not one.lost], total, now),
        at_work=running > 0 or (bool(ends) and abs(now - ends[-1]) < timedelta(seconds=BETWEEN_SECONDS)),
        work=work,
    )


def _work(trial: TrialRecord, now: datetime) -> Work:
    dead = is_dead_here(trial.host, trial.worker)
    silent = trial.silent is not None and trial.silent > GRACE_SECONDS
    seconds = None if trial.started is None else max(0.0, (now - trial.started).total_seconds())
    lost = silent if dead is None else dead
    return Work(trial.number, trial.host, trial.stage, trial.share, seconds, trial.silent, lost)


def _per_hour(study: StudyRecord, ends: Sequence[datetime], now: datetime) -> float | None:
    hour = now - timedelta(hours=1)
    recent = [end for end in ends if end > hour]
    if not recent:
        return None
    began = [trial.started for trial in study.trials if trial.started and (trial.ended is None or trial.ended > hour)]
    hours = (now - max(hour, min(began, default=hour))).total_seconds() / 3600
    return len(recent) / hours if hours > 0 else None


def _seconds_left(finished: Sequence[TrialRecord], work: Sequence[Work], total: int, now: datetime) -> float | None:
    """By what the last trials took, shared among the workers."""
    missing = total - len(finished)
    if missing <= 0:
        return 0.0
    recent = sorted((trial for trial in finished if trial.ended is not None), key=lambda trial: trial.ended or now)
    took = [trial.seconds for trial in recent[-RECENT:] if trial.seconds is not None]
    if not work or not took:
        return None
    each = sum(took) / len(took)
    begun = sum(min(one.seconds or 0.0, each) for one in work)
    return max(0.0, missing * each - begun) / len(work)
