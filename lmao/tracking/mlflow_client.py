"""Opening MLflow's store: it is created once, reached at once or refused in one line without passwords."""

import logging
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from lmao import database
from lmao.config.tracking import URI_VARIABLE
from lmao.database import absolute, connect_options, exclusive, is_lost, scheme, sqlite_file
from lmao.errors import Unavailable, UserError
from lmao.passwords import without_passwords
from lmao.stop import StopSignal

if TYPE_CHECKING:
    from mlflow import MlflowClient

HINT = "set tracking.uri to sqlite:///mlflow.db, a PostgreSQL or MySQL URL or an MLflow server, or tracking=off"
# A server's database is away, or what stands before it says so of the server; any other answer is one.
GATEWAY = (502, 503, 504)
OUTAGES = re.compile("too many (502|503|504) error responses")  # as MLflow says it, when it has tried again
ASKED, QUERY = "/api/2.0/mlflow/experiments/search", "max_results=1"


def open_client(uri: str) -> "MlflowClient":
    uri = absolute(uri)
    kind = scheme(uri)
    if kind == "sqlite":
        _create_database(uri)
        _reach_database(uri)
    elif kind in ("postgresql", "mysql", "mssql"):
        _reach_database(uri)
    elif kind in ("http", "https"):
        _reach_server(uri)
    else:
        advice = f"{HINT}, or unset {URI_VARIABLE}" if os.environ.get(URI_VARIABLE) == uri else HINT
        raise UserError("MLflow keeps no runs there", setting=f"tracking.uri={without_passwords(uri)}", advice=advice)
    mlflow = _import_mlflow()
    with exclusive(uri) if kind == "postgresql" else nullcontext():  # the first process creates its tables
        client: MlflowClient = mlflow.MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return client


def is_server(uri: str) -> bool:
    """Whether it may be away for a while, and come back."""
    return scheme(uri) in ("http", "https", "postgresql", "mysql", "mssql")


def is_away(uri: str, error: Exception) -> bool:
    """Whether a server was away, by an error, as it may be back; where that doesn't tell, whether it is away now."""
    return is_server(uri) and (_tells_of_outage(uri, error) or not _answers(uri))


def _tells_of_outage(uri: str, error: BaseException | None) -> bool:
    if scheme(uri) not in ("http", "https"):
        return is_lost(uri, error)
    from requests.exceptions import ChunkedEncodingError, HTTPError, RetryError, SSLError, Timeout
    from requests.exceptions import ConnectionError as NotReached

    while error is not None:
        if isinstance(error, SSLError):  # it is there, and not trusted
            return False
        if isinstance(error, NotReached | Timeout | ChunkedEncodingError | TimeoutError):
            return True
        if isinstance(error, RetryError) and OUTAGES.search(str(error)):
            return True
        if isinstance(error, HTTPError) and error.response is not None and error.response.status_code in GATEWAY:
            return True
        error = error.__cause__ or error.__context__
    return False


def _answers(uri: str) -> bool:
    try:
        _reach_server(uri) if scheme(uri) in ("http", "https") else _reach_database(uri)
    except OSError as error:
        from requests.exceptions import SSLError

        return isinstance(error, SSLError)
    except Exception as error:  # of whatever driver
        return not is_lost(uri, error)
    return True


def _import_mlflow() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing leaves this machine unless asked
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # By default it would try a server that is away for minutes, and one that hangs for a quarter of an hour.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # what it logs as an error it raises too
    return mlflow


def experiment_id(client: "MlflowClient", name: str) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return client.create_experiment(name)
        except MlflowException:  # another process may have been first
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage != "active":
        line = f"tracking.experiment: {name} was deleted in MLflow: restore it there or choose another name"
        raise Unavailable(line)
    return experiment.experiment_id


def _create_database(uri: str) -> None:
    """Create a missing SQLite store: in memory (twice as fast), then moved to its place whole, by one process."""
    path = sqlite_file(uri)
    if path is None:
        raise UserError(f"tracking.uri={uri} names no file", advice=HINT)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size:
        return
    with exclusive(uri):
        if path.exists() and path.stat().st_size:
            return
        _import_mlflow()
        import sqlalchemy
        from mlflow.store.db import utils

        engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool)
        utils._initialize_tables(engine)  # type: ignore[no-untyped-call]  # the pinned version's own migrations
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            whole = Path(folder) / path.name
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text("VACUUM INTO :path"), {"path": str(whole)})
            os.replace(whole, path)
        engine.dispose()


def _reach_database(uri: str) -> None:
    """Fail at once where MLflow would try again for two minutes."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri, connect_args=connect_options(uri))
    engine.connect().close()
    engine.dispose()


def _reach_server(uri: str) -> None:
    """Fail at once where MLflow would try again for two minutes. What is asked for is in its database: its pages are
    served without one."""
    parts = urlsplit(uri)
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=parts.path.rstrip("/") + ASKED, query=QUERY)
    import requests

    trusted: bool | str = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True  # both as MLflow has them
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        trusted = False
    with warnings.catch_warnings(action="ignore"):  # whoever trusts anybody knows it
        answer = requests.get(urlunsplit(place), timeout=10, verify=trusted, stream=True)
    with answer:
        if answer.status_code in GATEWAY:
            answer.raise_for_status()


@contextmanager
def mlflow_errors(uri: str) -> Iterator[None]:
    """Turn whatever the store raises into one line without a password.

    A signal waits for the end: within a write it would leave a transaction, or a thread, that the next one waits for.
    """

    away = partial(is_away, uri)
    with StopSignal.uninterrupted(), database.url_errors("tracking.uri", uri, HINT, (Exception,), away):
        yield
