"""Optuna's database, opened."""

import functools
import socket
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import optuna
from hydra.utils import instantiate
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from lmao import database
from lmao.database import LOCKED, absolute, connect_options, is_url, scheme, sqlite_file
from lmao.errors import Unavailable, UserError
from lmao.passwords import without_passwords

HEARTBEAT_SECONDS = 30
GRACE_SECONDS = 240  # without a heartbeat until another machine's worker is presumed dead
HINT = "give hydra.sweeper.storage=sqlite:///file.db, or postgresql://… for workers on several machines"
DATABASE = (SQLAlchemyError, StorageInternalError)
FAILURES = (*DATABASE, ImportError, OSError)

optuna.logging.set_verbosity(optuna.logging.ERROR)


def storage_errors(url: str, errors: tuple[type[Exception], ...] = FAILURES) -> AbstractContextManager[None]:
    """Turn what the database or its driver raises into one line without a password."""
    return database.url_errors("hydra.sweeper.storage", url, HINT, errors)


def shared_url(url: str) -> str:
    """The URL as it is understood from any folder.

    Raises:
        UserError: it is not a database that workers can share.
    """
    with storage_errors(url):
        if scheme(url) not in LOCKED or not is_url(url) or (scheme(url) == "sqlite" and sqlite_file(url) is None):
            raise UserError(
                "not a database that workers can share",
                setting=f"hydra.sweeper.storage={without_passwords(url)}",
                advice=HINT,
            )
        return absolute(url)


@functools.cache
def open_storage(url: str) -> RDBStorage:
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        try:
            return RDBStorage(
                url,
                engine_kwargs={"connect_args": connect_options(url), "pool_pre_ping": scheme(url) != "sqlite"},
                heartbeat_interval=HEARTBEAT_SECONDS,
                grace_period=GRACE_SECONDS,
            )
        except RuntimeError:  # Optuna's check of its tables
            raise UserError(
                "another version of Optuna made its tables",
                setting=f"hydra.sweeper.storage={without_passwords(url)}",
                advice="upgrade them, optuna storage upgrade --storage URL, or give another one",
            ) from None


def load_study(url: str, name: str, pruner: Mapping[str, Any]) -> optuna.Study:
    """An existing study, for the job of one of its trials.

    Raises:
        UserError: the database can't be reached.
    """
    file = sqlite_file(url) if scheme(url) == "sqlite" else None
    if file is not None and not file.exists():  # it would be made, empty
        raise Unavailable(
            f"there is no such file on {socket.gethostname()}, where the launcher runs the job",
            setting=f"hydra.sweeper.storage={url}",
            advice="give postgresql://…",
        )
    made = instantiate(dict(pruner), _execution_whitelist_="optuna.*")
    with storage_errors(url):
        return optuna.load_study(study_name=name, storage=open_storage(url), pruner=made)
