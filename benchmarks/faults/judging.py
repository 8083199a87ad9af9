"""What may become of bad input: an error comes in, what is wrong with it comes out."""

import traceback
from collections.abc import Iterator
from pathlib import Path

from lmao.errors import UserError
from lmao.explain import explain

MEMORY = 1 << 30  # bytes that a reader may take more than it has at its start
SECONDS = 20  # of computing: a busy machine is no fault
LONGEST = 500  # characters of a message, `error: ` among them


class TooLong(BaseException):
    """No Exception, so that no reader takes it for damage."""


def what_is_wrong(error: BaseException) -> str | None:
    """None: a user reads one clear line about it."""
    if isinstance(error, TooLong):
        return f"more than {SECONDS} s"
    assert isinstance(error, Exception)
    if not isinstance(error, UserError) and any(isinstance(one, MemoryError) for one in _chain(error)):
        return f"more than {MEMORY >> 20} MB"
    line = explain(error)
    if line is None:
        *_, last = traceback.extract_tb(error.__traceback__)
        return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}: {str(error)[:100]}"
    return wrong_line(line)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it came of, told or not."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def wrong_line(line: str) -> str | None:
    """What a message must not be."""
    if not line.strip() or not line.isprintable():
        return f"not one line: {line!r}"
    return f"a message of {len(line)} characters" if len(f"error: {line}") > LONGEST else None
