"""Optuna's database comes in, its studies go out as plain records. It is only read."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, json_to_distribution
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import TrialHeartbeatModel, TrialModel
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import create_engine, func, inspect, select, table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lmao.database import absolute, is_lost, is_url
from lmao.errors import Away, UserError
from lmao.passwords import without_passwords, without_passwords_of
from lmao.sweep.records import State, StudyAttribute, StudyRecord, TrialAttribute, TrialRecord

STORAGE = "sqlite:///optuna.db"
VERSION_TABLE = "alembic_version"  # of Optuna's; its row is the last that Optuna writes when it makes a database
FAILURES = (RuntimeError, SQLAlchemyError, StorageInternalError)


STATES = {
    TrialState.COMPLETE: State.COMPLETE,
    TrialState.PRUNED: State.PRUNED,
    TrialState.FAIL: State.FAILED,
    TrialState.RUNNING: State.RUNNING,
    TrialState.WAITING: State.WAITING,
}


def read_studies(storage: str, *patterns: str) -> Sequence[StudyRecord]:
    """The studies whose names match a pattern like `imdb-*`, and the re-runs of these, by name.

    Raises:
        UserError: there is no such database, or no study in it matches. Away: its server can't be reached.
    """
    with _open_to_read(storage) as database:
        names = {
            study.study_name: study._study_id for study in database.get_all_studies() if len(study.directions) == 1
        }
        studies = {name: _read(database, name, number) for name, number in sorted(names.items())}
    chosen = [
        study
        for study in studies.values()
        if any(_matches(name, pattern) for name in (study.name, study.rerun_of or "") for pattern in patterns)
    ]
    if not chosen:
        there = f"there are: {', '.join(studies)}" if studies else "there is none: python train.py -m makes one"
        raise UserError(f"no study in {without_passwords(storage)} matches {' or '.join(map(repr, patterns))}; {there}")
    return chosen


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


@contextmanager
def _open_to_read(url: str) -> Iterator[RDBStorage]:
    """Optuna's database, never created here."""
    hint = "name Optuna's database with --storage; python train.py -m makes sqlite:///optuna.db in its folder"
    if not is_url(url):
        raise UserError(f"{without_passwords(url)} is not a database URL: {hint}")
    place = absolute(url)
    try:
        parts = make_url(place)
        if parts.get_backend_name() == "sqlite" and not Path(parts.database or "").is_file():
            raise UserError(f"{without_passwords(url)}: no such file: {hint}")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if not _is_made(place):
            raise UserError(f"{without_passwords(url)} has no studies, or none yet: {hint}")
        storage = RDBStorage(place, skip_table_creation=True)
    except ImportError as error:
        raise UserError(
            f"{without_passwords(url)}: its database driver isn't installed ({_first_line(url, error)})"
        ) from None
    except FAILURES as error:
        raise _unreadable(url, error, hint) from None
    try:
        yield storage
    except FAILURES as error:
        raise _unreadable(url, error, hint) from None
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _is_made(url: str) -> bool:
    """Whether Optuna has finished making it. Until then whoever opens it would finish it, and its maker fail."""
    engine = create_engine(url)
    try:
        if not inspect(engine).has_table(VERSION_TABLE):
            return False
        with engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(table(VERSION_TABLE))).scalar_one() > 0
    finally:
        engine.dispose()


def _unreadable(url: str, error: Exception, hint: str) -> UserError:
    kind = Away if is_lost(url, error) else UserError
    return kind(f"{without_passwords(url)}: {_first_line(url, error)}: {hint}")


def _first_line(url: str, error: BaseException) -> str:
    cause = error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    line = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    return without_passwords_of(url, line)


def _read(storage: RDBStorage, name: str, number: int) -> StudyRecord:
    attributes = storage.get_study_user_attrs(number)
    found = storage.get_all_trials(number, deepcopy=False)
    replaced = {trial.user_attrs.get(TrialAttribute.REPLACES) for trial in found}
    silences = _silences(storage, number)
    trials = [record_of(trial, trial.number in replaced, silences.get(trial._trial_id)) for trial in found]
    return StudyRecord(
        name=name,
        science=attributes.get(StudyAttribute.SCIENCE, {}),
        overrides=attributes.get(StudyAttribute.OVERRIDES, []),
        sampler=attributes.get(StudyAttribute.SAMPLER, "unknown"),
        space={
            key: _widen(json_to_distribution(text), [trial.params[key] for trial in found if key in trial.params])
            for key, text in attributes.get(StudyAttribute.SPACE, {}).items()
        },
        budget=attributes.get(StudyAttribute.N_TRIALS),
        commit=attributes.get(StudyAttribute.COMMIT),
        rerun_of=attributes.get(StudyAttribute.RERUN_OF),
        tracking_uri=attributes.get(StudyAttribute.TRACKING_URI),
        run_id=attributes.get(StudyAttribute.RUN_ID),
        evaluate_test=attributes.get(StudyAttribute.EVALUATE_TEST),
        texts=attributes.get(StudyAttribute.INPUTS, {}).get("data"),
        trials=[trial for trial in trials if trial.state is not State.LOST],
        lost=[trial for trial in trials if trial.state is State.LOST],
    )


def _widen(distribution: BaseDistribution, values: Iterable[Any]) -> BaseDistribution:
    """Choices, with the values that were drawn when there were others."""
    if not isinstance(distribution, CategoricalDistribution):
        return distribution
    return CategoricalDistribution(list(dict.fromkeys([*distribution.choices, *values])))


def _silences(storage: RDBStorage, study: int) -> dict[int, float]:
    """Seconds since the last heartbeat of each running trial, by the database's clock, as Optuna finds stale ones."""
    heartbeat = TrialHeartbeatModel.heartbeat
    with Session(storage.engine) as session:
        now = session.execute(func.now()).scalar_one().replace(tzinfo=None)
        running = select(TrialModel.trial_id, heartbeat).join(TrialHeartbeatModel)
        rows = session.execute(running.where(TrialModel.study_id == study, TrialModel.state == TrialState.RUNNING))
        return {trial: max(0.0, (now - last).total_seconds()) for trial, last in rows}


def record_of(trial: FrozenTrial, lost: bool = False, silent: float | None = None) -> TrialRecord:
    """lost: to a kill; silent: seconds since its last heartbeat, if it is running."""
    attributes = trial.user_attrs
    stage, share = attributes.get(TrialAttribute.PROGRESS, (None, None))
    elapsed = None if lost or trial.duration is None else trial.duration.total_seconds()
    complete = trial.state is TrialState.COMPLETE
    return TrialRecord(
        number=trial.number,
        state=State.LOST if lost else STATES[trial.state],
        accuracy=trial.value if complete else None,
        reported=trial.intermediate_values,
        parameters=trial.params,
        seed=attributes.get(TrialAttribute.SEED, trial.params.get("seed")),
        folder=Path(attributes[TrialAttribute.FOLDER]) if TrialAttribute.FOLDER in attributes else None,
        host=attributes.get(TrialAttribute.HOST),
        run_id=attributes.get(TrialAttribute.RUN_ID),
        seconds=attributes.get(TrialAttribute.SECONDS, elapsed),
        epochs=attributes.get(TrialAttribute.EPOCHS),
        error=attributes.get(TrialAttribute.ERROR),
        reused=attributes.get(TrialAttribute.REUSED),
        code=attributes.get(TrialAttribute.CODE),
        started=trial.datetime_start,
        ended=trial.datetime_complete,
        worker=attributes.get(TrialAttribute.WORKER),
        stage=stage,
        share=share,
        silent=silent,
    )
