"""Optuna's database comes in, what is in its studies goes out as plain records. Reads only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, json_to_distribution
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from lmao.errors import UserError
from lmao.passwords import masked

STORAGE = "sqlite:///optuna.db"
FAILURES = (RuntimeError, SQLAlchemyError, StorageInternalError)


class State(Enum):
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    RUNNING = "running"
    WAITING = "waiting"
    LOST = "lost"  # to a kill; another trial repeats its point and counts in its stead


STATES = {
    TrialState.COMPLETE: State.COMPLETE,
    TrialState.PRUNED: State.PRUNED,
    TrialState.FAIL: State.FAILED,
    TrialState.RUNNING: State.RUNNING,
    TrialState.WAITING: State.WAITING,
}


@dataclass(frozen=True)
class Trial:
    """One run of a study. `accuracy`: on dev, of a complete trial; `reported`: by fine-tuning epoch.

    `seconds`: on its machine; None while it runs, and of a lost one, whose end nobody saw.
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

    @property
    def reached(self) -> float | None:
        """The accuracy, or the best that a pruned trial had reported when it was stopped."""
        if self.state is State.PRUNED and self.reported:
            return max(self.reported.values())
        return self.accuracy


@dataclass(frozen=True)
class Study:
    """`trials` leaves out what was lost. `science`: dotted key -> value of the settings that are the same in all.

    `space` has every choice that a trial drew, also where the command has since been given others. `commit`: of the
    last start. `texts`: a digest of the data. `evaluate_test`, `texts`: None where they weren't kept.
    """

    name: str
    science: Mapping[str, Any]
    overrides: Sequence[str]
    sampler: str
    space: Mapping[str, BaseDistribution]
    budget: int | None
    commit: str | None
    rerun_of: str | None
    tracking_uri: str | None
    evaluate_test: bool | None
    texts: str | None
    trials: Sequence[Trial]
    lost: Sequence[Trial]

    @cached_property
    def complete(self) -> Sequence[Trial]:
        return self.of(State.COMPLETE)

    @property
    def finished(self) -> int:
        """How many of the budget are done, well or not."""
        return sum(trial.state in (State.COMPLETE, State.PRUNED, State.FAILED) for trial in self.trials)

    @property
    def done(self) -> bool:
        return self.budget is not None and self.finished >= self.budget

    @property
    def is_linear(self) -> bool:
        """The baseline: n-grams."""
        linear = self.science.get("textcat.name") == "linear"
        return linear and self.science.get("textcat.features", "ngrams") == "ngrams"

    @property
    def is_rerun(self) -> bool:
        return self.rerun_of is not None or (self.is_linear and self.name.endswith("-rerun"))

    @property
    def reads_test(self) -> bool:
        """Whether its trials read the test labels, as all re-runs are told to."""
        return self.is_rerun if self.evaluate_test is None else self.evaluate_test

    @property
    def pretrain_epochs(self) -> int | None:
        """0 for the linear model; None where the study varies it."""
        return 0 if self.science.get("textcat.name") == "linear" else self.science.get("pretrain.epochs")

    @property
    def data(self) -> Mapping[str, Any]:
        """The part of `science` that says which data, and how much of it."""
        return {key: value for key, value in self.science.items() if key.startswith("data.")}

    def of(self, state: State) -> Sequence[Trial]:
        return [trial for trial in self.trials if trial.state is state]

    def best(self) -> Trial | None:
        """The complete trial of the highest accuracy; of several the one that took the least time."""
        return min(self.complete, key=rank, default=None)


def rank(trial: Trial) -> tuple[float, bool, float]:
    """Sorts complete trials: the best first; of equal ones the cheaper first, those that took over a value last."""
    assert trial.accuracy is not None
    return -trial.accuracy, trial.reused is not None, float("inf") if trial.seconds is None else trial.seconds


def read_studies(storage: str, pattern: str) -> Sequence[Study]:
    """The studies whose names match a pattern like `imdb-*`, and the re-runs of these, by name.

    Raises:
        UserError: there is no such database, or no study in it matches.
    """
    with _readable(storage) as database:
        names = {study.study_name: study._study_id for study in database.get_all_studies()}
        studies = {name: _read(database, name, number) for name, number in sorted(names.items())}
    chosen = [
        study
        for study in studies.values()
        if fnmatchcase(study.name, pattern) or fnmatchcase(study.rerun_of or "", pattern)
    ]
    if not chosen:
        there = f"there are: {', '.join(studies)}" if studies else "there is none: python train.py -m makes one"
        raise UserError(f"no study in {masked(storage)} matches '{pattern}'; {there}")
    return chosen


@contextmanager
def _readable(url: str) -> Iterator[RDBStorage]:
    """Optuna's database, never created here."""
    hint = "name Optuna's database with --storage; python train.py -m makes sqlite:///optuna.db in its folder"
    try:
        parts = make_url(url)
        if parts.get_backend_name() == "sqlite" and not Path(parts.database or "").is_file():
            raise UserError(f"{masked(url)}: no such file: {hint}")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = RDBStorage(url, skip_table_creation=True)
    except ArgumentError:
        raise UserError(f"{masked(url)} is no database URL: {hint}") from None
    except ImportError as error:
        raise UserError(f"{masked(url)} needs the database driver {error.name}: install it") from None
    except FAILURES as error:
        raise UserError(f"{masked(url)}: {_first_line(error)}: {hint}") from None
    try:
        yield storage
    except FAILURES as error:
        raise UserError(f"{masked(url)}: {_first_line(error)}: {hint}") from None
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    return masked(next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__))


def _read(storage: RDBStorage, name: str, number: int) -> Study:
    attributes = storage.get_study_user_attrs(number)
    found = storage.get_all_trials(number, deepcopy=False)
    replaced = {trial.user_attrs.get("replaces") for trial in found}
    trials = [_trial(trial, trial.number in replaced) for trial in found]
    return Study(
        name=name,
        science=attributes.get("science", {}),
        overrides=attributes.get("overrides", []),
        sampler=attributes.get("sampler", "unknown"),
        space={
            key: _widened(json_to_distribution(text), [trial.params[key] for trial in found if key in trial.params])
            for key, text in attributes.get("space", {}).items()
        },
        budget=attributes.get("n_trials"),
        commit=attributes.get("commit"),
        rerun_of=attributes.get("rerun_of"),
        tracking_uri=attributes.get("tracking_uri"),
        evaluate_test=attributes.get("evaluate_test"),
        texts=attributes.get("inputs", {}).get("data"),
        trials=[trial for trial in trials if trial.state is not State.LOST],
        lost=[trial for trial in trials if trial.state is State.LOST],
    )


def _widened(distribution: BaseDistribution, values: Iterable[Any]) -> BaseDistribution:
    """Choices, with the values that were drawn when there were others."""
    if not isinstance(distribution, CategoricalDistribution):
        return distribution
    return CategoricalDistribution(list(dict.fromkeys([*distribution.choices, *values])))


def _trial(trial: FrozenTrial, lost: bool) -> Trial:
    attributes = trial.user_attrs
    elapsed = None if lost or trial.duration is None else trial.duration.total_seconds()
    complete = trial.state is TrialState.COMPLETE
    return Trial(
        number=trial.number,
        state=State.LOST if lost else STATES[trial.state],
        accuracy=trial.value if complete else None,
        reported=trial.intermediate_values,
        parameters=trial.params,
        seed=attributes.get("seed", trial.params.get("seed")),
        folder=Path(attributes["folder"]) if "folder" in attributes else None,
        host=attributes.get("host"),
        run_id=attributes.get("mlflow_run_id"),
        seconds=attributes.get("seconds", elapsed),
        epochs=attributes.get("epochs"),
        error=attributes.get("error"),
        reused=attributes.get("reused"),
        code=attributes.get("code"),
    )
