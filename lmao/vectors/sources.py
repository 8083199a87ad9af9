"""Files of vectors: a path comes in, a stream of bytes goes out, plain, from .gz or out of a zip."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from lmao.errors import UserError
from lmao.paths import expanded


def existing_file(name: str) -> Path:
    """The path, once it is known to be a file that can be read.

    Raises:
        UserError: it is not.
    """
    path = expanded(name)
    if path.is_dir():
        raise UserError(f"{path} is a folder", advice="point it at the file of vectors in it", setting="vectors.path")
    try:
        path.open("rb").close()
    except FileNotFoundError:
        raise UserError(f"there is no file {path}", setting="vectors.path") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", setting="vectors.path") from None
    return path


@contextmanager
def open_bytes(path: Path, member: str | None = None) -> Iterator[IO[bytes]]:
    """The content, unpacked as it is read; of a zip, that of its `member`.

    Raises:
        UserError: the archive is damaged, cut short, or lacks the member.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as file:
                yield cast(IO[bytes], file)
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive, _open_member(archive, path, member) as file:
                yield file
        else:
            with path.open("rb") as file:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} is damaged or cut short ({error})", setting="vectors.path", advice="get it again"
        ) from None


def _open_member(archive: zipfile.ZipFile, path: Path, member: str | None) -> IO[bytes]:
    if member is not None and member in archive.namelist():
        return archive.open(member)
    held = ", ".join(archive.namelist()[:8])
    raise UserError(
        f"{path} has no {member or 'table that this format knows'} in it: it holds {held}", setting="vectors.path"
    )
