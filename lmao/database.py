"""Database URLs: made absolute, connected to, and locked for what only one process may do at a time."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from filelock import FileLock

from lmao.errors import Away, Unavailable, UserError
from lmao.passwords import without_passwords, without_passwords_of
from lmao.paths import expanded

LOCKED = ("sqlite", "postgresql")  # the databases that `exclusive` knows how to lock
BUSY_SECONDS = 60  # for a SQLite file that others write to
RESTART_SECONDS = 60  # of a server
REACH_SECONDS = 10  # for a server that doesn't answer
# What a server says to whom it will never let in. No driver gives a code for it; other languages count as away.
REFUSED = re.compile(r'authentication failed|no password supplied|" does not exist|no pg_hba\.conf entry')
# A lock's holder whose machine died is noticed after 2 minutes, and so is a connection that a laptop lost asleep;
# by default each end looks after the other after 2 hours.
KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}
KEEPALIVE = "; ".join(f"SET tcp_{name} = {value}" for name, value in KEEPALIVES.items())

T = TypeVar("T")


def scheme(url: str) -> str:
    """`postgresql` of postgresql+psycopg://…"""
    return url.partition(":")[0].partition("+")[0]


def is_url(url: str) -> bool:
    """Whether SQLAlchemy can read it; what it says of one that it can't may hold a password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(url)
    except (ArgumentError, ValueError):
        return False
    return True


def sqlite_file(url: str) -> Path | None:
    """The absolute path of a sqlite URL's file, where ~ is the user's home; None if it names no file."""
    from sqlalchemy.engine import make_url

    database = make_url(url).database
    return None if not database or database == ":memory:" else expanded(database).absolute()


def absolute(url: str) -> str:
    """The URL as it is understood from any folder.

    Raises:
        UserError: no URL can say where the file is.
    """
    if scheme(url) != "sqlite":
        return url
    path = sqlite_file(url)
    if "?" in str(path):  # what follows it would be taken for options
        raise UserError(
            f"{path}: SQLite's URLs can't have a folder with '?' in its name", advice="start in another folder"
        )
    return url if path is None else f"sqlite:///{path}"


def typed(url: str) -> str:
    """The URL as a user types it in this folder: without a password, which PGPASSWORD can hold, and a SQLite file in
    this folder by its name."""
    from sqlalchemy.engine import URL, make_url

    file = sqlite_file(url) if scheme(url) == "sqlite" else None
    if file is not None:
        return f"sqlite:///{file.name if file.parent == Path.cwd() else file}"
    full = make_url(url).difference_update_query(["password"])
    user, place = full.username, (full.host, full.port, full.database, full.query)
    return without_passwords(URL.create(full.drivername, user, None, *place).render_as_string())


def connect_options(url: str) -> dict[str, Any]:
    """What SQLAlchemy passes to the driver."""
    options = {"sqlite": {"timeout": BUSY_SECONDS}, "postgresql": {"connect_timeout": REACH_SECONDS, **KEEPALIVES}}
    return dict(options.get(scheme(url), {}))


@contextmanager
def url_errors(
    setting: str,
    url: str,
    hint: str,
    errors: tuple[type[Exception], ...],
    is_away: Callable[[Exception], bool] | None = None,
) -> Iterator[None]:
    """Turn what a database, its driver or the disk raises into one line without a password. is_away: of such an error,
    where it isn't SQLAlchemy's.

    Raises:
        Unavailable: one of these errors was raised; the line names the setting. Away: a server can't be reached.
    """
    try:
        yield
    except UserError:
        raise
    except errors as error:
        if isinstance(error, ImportError):
            line = f"its database driver isn't installed ({_first_line(error)})"
            hint = "pip install -e '.[postgres]'" if scheme(url) == "postgresql" else hint
            kind = Unavailable
        else:
            away = is_lost(url, error) if is_away is None else is_away(error)
            kind = Away if away else Unavailable
            line = _first_line(getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error)
        raise kind(
            without_passwords_of(url, line), setting=f"{setting}={without_passwords(url)}", advice=hint
        ) from None


def patiently(url: str, action: Callable[[], T]) -> T:
    """What an action returns that may be done twice: it is done again while a PostgreSQL server restarts, for
    RESTART_SECONDS at most. Not for the first use of a URL, which may be wrong."""
    wait, end = 0.5, time.monotonic() + RESTART_SECONDS
    while True:
        try:
            return action()
        except Exception as error:
            if scheme(url) != "postgresql" or time.monotonic() + wait > end or not is_lost(url, error):
                raise
        time.sleep(wait)
        wait = min(2 * wait, 8)


def is_lost(url: str, error: BaseException | None) -> bool:
    """Whether a connection to a server was lost, or can't be made now: not where it has refused this user."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    if scheme(url) == "sqlite":
        return False
    while error is not None and not isinstance(error, InterfaceError | OperationalError):
        error = error.__cause__ or error.__context__
    return error is not None and not REFUSED.search(str(error.orig))


@contextmanager
def exclusive(url: str) -> Iterator[None]:
    """Hold the database's one lock: a file beside a SQLite database, an advisory lock of a PostgreSQL server. It is
    released when its holder dies."""
    if scheme(url) == "sqlite":
        path = sqlite_file(url)
        if path is None:
            yield
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            yield
        return
    import sqlalchemy

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool, connect_args=connect_options(url))
    key = crc32((engine.url.database or "").encode())
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(KEEPALIVE))
        connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": key})
        try:
            yield
        finally:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_unlock(:key)"), {"key": key})


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
