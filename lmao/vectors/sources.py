"""Files of vectors: a path comes in, a stream of bytes goes out, plain, from .gz or out of a zip."""

import gzip
import lzma
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
        with _open(path, member) as file:
            yield file
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from None
    except OSError as error:
        if error.errno is None:  # gzip's and bzip2's
            raise _damaged(path, error) from None
        raise UserError(f"{path} cannot be read: {error.strerror}", setting="vectors.path") from None


def _open(path: Path, member: str | None) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if path.suffix != ".zip":
        return path.open("rb")
    try:
        with zipfile.ZipFile(path) as archive:  # an open member keeps the file open
            names = archive.namelist()
            if member in names:
                return archive.open(member)
    except Exception as error:  # encrypted, of another compression, with names or places that can't be: of many kinds
        raise _damaged(path, error) from None
    held = ", ".join(names[:8])
    raise UserError(
        f"{path} has no {member or 'table that this format knows'} in it: it holds {held}", setting="vectors.path"
    )


def _damaged(path: Path, error: Exception) -> UserError:
    reason = str(error) or type(error).__name__
    return UserError(f"{path} is damaged or cut short ({reason})", setting="vectors.path", advice="get it again")
