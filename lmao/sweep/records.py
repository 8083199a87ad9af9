"""What studies and trials remember: the names of their attributes in Optuna's database, and what they are read into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # a single run knows the names, and does without Optuna's import
    from optuna.distributions import BaseDistribution


class StudyAttribute:
    """Optuna's user attributes of a study. Existing databases have them, so no name changes; `mlflow_run_id` is any
    tracker's."""

    SCIENCE = "science"  # dotted key -> value of the settings that are the same in all trials
    INPUTS = "inputs"  # digests of the texts and tables that are the same in all trials
    SAMPLER = "sampler"
    SEARCH = "search"  # setting of the sampler or the pruner -> value
    SPACE = "space"  # setting -> its distribution as Optuna's JSON
    NAMES = "names"  # the same of a grid, for its settings that aren't numbers
    N_TRIALS = "n_trials"  # of the last start, as are the next four
    OVERRIDES = "overrides"
    COMMIT = "commit"
    EVALUATE_TEST = "evaluate_test"  # once true it stays so
    TRACKING_URI = "tracking_uri"  # without a password
    RERUN_OF = "rerun_of"  # the study whose best setting this one repeats
    RUN_ID = "mlflow_run_id"  # the parent of its trials' runs
    RUN_KEY = "run_key"  # by which that run is found until its id is here, and the study's folder is known as its own


class TrialAttribute:
    """Optuna's user attributes of a trial."""

    SEED = "seed"
    HOST = "host"
    WORKER = "worker"  # the file that it locks
    FOLDER = "folder"
    RUN_ID = "mlflow_run_id"
    INPUTS = "inputs"  # digests of what it depends on
    CODE = "code"  # the commit it ran
    SOURCES = "sources"  # a digest of that code: another's value is taken over where it is the same
    EPOCHS = "epochs"
    SECONDS = "seconds"
    ERROR = "error"
    REUSED = "reused"  # "study/number" whose value was taken over
    REPLACES = "replaces"  # the number of a lost trial, whose point it is
    LOSSES = "losses"  # how many trials of its point were lost to kills
    PROGRESS = "progress"  # [stage, share of it that is done or null], some seconds old


FIXED_PARAMETERS = "fixed_params"  # Optuna's own, a system attribute: the point of a trial that was enqueued


class State(Enum):
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    RUNNING = "running"
    WAITING = "waiting"
    LOST = "lost"  # to a kill; another trial repeats its point and counts instead


@dataclass(frozen=True)
class TrialRecord:
    """One run of a study. `accuracy`: on dev, of a complete trial; `reported`: by fine-tuning epoch.

    `seconds`: on its machine; None while it runs, and for a lost one, whose end nobody saw. `started`, `ended`: by its
    machine's clock. `stage`, `share`: where it was some seconds ago, and how much of that was done, 0 to 1. `silent`:
    seconds without a sign of life from its worker, while it runs.
    """

    number: int
    state: State
    accuracy: float | None
    reported: Mapping[int, float]
    parameters: Mapping[str, Any]
    seed: int | None
    folder: Path | None
    host: str | None
    run_id: str | None
    seconds: float | None
    epochs: int | None
    error: str | None
    reused: str | None  # "study/number" whose value was taken over
    code: str | None  # the commit it ran
    started: datetime | None
    ended: datetime | None
    worker: str | None  # the file that it locks
    stage: str | None
    share: float | None
    silent: float | None

    @property
    def reached(self) -> float | None:
        """The accuracy, or the last that a pruned trial had reported when it was stopped."""
        if self.state is State.PRUNED and self.reported:
            return self.reported[max(self.reported)]
        return self.accuracy


@dataclass(frozen=True)
class StudyRecord:
    """`trials` leaves out what was lost. `science`: dotted key -> value of the settings that are the same in all.

    `space` has every choice that a trial drew, also where the command has since been given others. `commit`: of the
    last start. `run_id`: of the parent of its trials' runs. `texts`: a digest of the data. `evaluate_test`, `texts`:
    None where they weren't kept.
    """

    name: str
    science: Mapping[str, Any]
    overrides: Sequence[str]
    sampler: str
    space: "Mapping[str, BaseDistribution]"
    budget: int | None
    commit: str | None
    rerun_of: str | None
    tracking_uri: str | None
    run_id: str | None
    evaluate_test: bool | None
    texts: str | None
    trials: Sequence[TrialRecord]
    lost: Sequence[TrialRecord]

    @cached_property
    def complete(self) -> Sequence[TrialRecord]:
        return self.of(State.COMPLETE)

    @property
    def finished(self) -> int:
        """How many of the budget are done, successful or not."""
        return sum(trial.state in (State.COMPLETE, State.PRUNED, State.FAILED) for trial in self.trials)

    @property
    def done(self) -> bool:
        return self.budget is not None and self.finished >= self.budget

    @property
    def has_no_encoder(self) -> bool:
        """A linear model of any features."""
        return self.science.get("textcat.name") == "linear"

    @property
    def is_linear(self) -> bool:
        """The linear model: n-grams."""
        return self.has_no_encoder and self.science.get("textcat.features", "ngrams") == "ngrams"

    @property
    def is_rerun(self) -> bool:
        return self.rerun_of is not None or (self.is_linear and self.name.endswith("-rerun"))

    @property
    def reads_test(self) -> bool:
        """Whether its trials read the test labels, as all re-runs do."""
        return self.is_rerun if self.evaluate_test is None else self.evaluate_test

    @property
    def pretrain_epochs(self) -> int | Literal["auto"] | None:
        """0 without an encoder; auto: left to the corpus; None where the study varies it."""
        if self.has_no_encoder:
            return 0
        epochs: int | None = self.science.get("pretrain.epochs")
        return "auto" if epochs is None and "pretrain.epochs" in self.science else epochs

    @property
    def data(self) -> Mapping[str, Any]:
        """The settings of `science` that say which data, and how much of it."""
        return {key: value for key, value in self.science.items() if key.startswith("data.")}

    def of(self, state: State) -> Sequence[TrialRecord]:
        return [trial for trial in self.trials if trial.state is state]

    def best(self) -> TrialRecord | None:
        """The complete trial of the highest accuracy; of several the one that took the least time."""
        return min(self.complete, key=rank, default=None)


def rank(trial: TrialRecord) -> tuple[float, bool, float]:
    """Sorts complete trials: the best first; of equal ones the cheaper first, those that took over a value last."""
    assert trial.accuracy is not None
    return -trial.accuracy, trial.reused is not None, float("inf") if trial.seconds is None else trial.seconds
