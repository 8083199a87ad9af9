"""A study's folder is one study's: another database may have one of its name, whose trials have the same numbers."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lmao.database import scheme, sqlite_file, typed
from lmao.errors import Unavailable, UserError
from lmao.files import write_whole

MARK = ".study"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raises Unavailable: the folder can't be written to."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"{folder} can't be written to ({error.strerror})", setting="hydra.sweep.dir",
            advice="choose another folder",
        ) from None  # fmt: skip


def take(folder: Path, key: str, url: str) -> None:
    """Mark the folder as that of the study with this key in this database. One whose database is gone, or was made
    anew in its place, gives way.

    Raises:
        UserError: it is another study's.
    """
    own = {"key": key, "database": _database(folder, url)}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        there = _read(folder / MARK)
        if there.get("key") == key:
            return
        if there and there["database"] != own["database"] and not _is_gone(folder, there["database"]):
            raise UserError(
                f"{folder} has the trials of a study of the same name in {there['database']}",
                setting="hydra.sweep.dir",
                advice="give this study another hydra.sweeper.study_name",
            )
        write_whole(folder / MARK, json.dumps(own).encode())


def _database(folder: Path, url: str) -> str:
    """A SQLite file as it lies to the folder, so that both may be moved."""
    file = sqlite_file(url) if scheme(url) == "sqlite" else None
    return typed(url) if file is None else os.path.relpath(file, folder)


def _is_gone(folder: Path, database: str) -> bool:
    return "://" not in database and not (folder / database).exists()


def _read(path: Path) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found
