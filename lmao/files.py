"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lmao.errors import UserError

LONGEST_LINE = 1 << 26  # bytes; a packed file of a few MB may hold one that fills the memory


def lines_of(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    """The lines of a stream; path: of its file, for errors.

    Raises:
        UserError: a line is longer than LONGEST_LINE.
    """
    number = 1
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise too_long(path, number)
        yield line
        number += 1


def too_long(path: Path, line: int) -> UserError:
    return UserError(f"{path}:{line}: a line of more than {LONGEST_LINE >> 20} MB", advice="is it a file of text?")


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file as `whole` does; a text becomes UTF-8."""
    with whole(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, beside its place, hidden; at the end it is renamed. Until then the old one stays.

    A writer that is killed leaves `.<name>.<process>`, which nothing reads.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
