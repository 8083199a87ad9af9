"""A table's file and its dialect come in, rows go out."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmao.console import counted
from lmao.data.lines import lines
from lmao.errors import UserError

LONE_CR = "a line break (CR) in a field without quotes"
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


@dataclass(frozen=True)
class Dialect:
    delimiter: str  # a key of DELIMITERS
    quotes: bool  # whether they hold a field together; otherwise they are text
    header: bool
    columns: Sequence[str]
    form: str  # all of it in words


class Broken(Exception):
    """A row that can't be read in a dialect."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason


def rows(path: Path, dialect: Dialect) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each row with its place.

    Raises:
        UserError: one can't be read, has too many fields or too few, or is the header again.
    """
    columns = list(dialect.columns)
    header: list[str] | None = None
    try:
        for place, values, _ in parse(path, dialect.delimiter, dialect.quotes, blank=True):
            if not any(value.strip() for value in values):
                if header is not None or not dialect.header:
                    yield place, dict.fromkeys(columns, "")
                continue
            if dialect.header and header is None:
                header = values
                continue
            if len(values) != len(columns):
                found = counted(len(values), "field")
                what = "the header" if dialect.header else "the first line"
                raise UserError(f"{place}: {found}, but {what} has {len(columns)}", advice="quote the text")
            if values == header and len(columns) > 1:
                raise UserError(f"{place}: the header again", advice="remove the line")
            yield place, dict(zip(columns, values, strict=True))
    except Broken as error:
        advice = "double the quotes inside of a field, or set data.quotes=false" if dialect.quotes else None
        if error.reason == LONE_CR:
            advice = "quote the text" if dialect.quotes else "quote the text, and set data.quotes=true"
        raise UserError(f"{error.place}: a table that can't be read: {error.reason}", advice=advice) from None


def parse(path: Path, delimiter: str, quotes: bool, blank: bool = False) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each row that isn't blank, or says that it is: its place, its fields, and the lines that it stands on.

    blank: rows of several fields without anything in them, too.

    Raises:
        Broken: it can't be read with this delimiter and quotes.
    """
    taken: list[tuple[str, str]] = []

    def feed() -> Iterator[str]:
        for numbered in lines(path):
            taken.append(numbered)
            yield numbered[1]

    reader = csv.reader(
        feed(),
        delimiter=DELIMITERS[delimiter],
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        skipinitialspace=quotes,  # a quote after ", " is one, too
        strict=True,
    )
    while True:
        taken.clear()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = LONE_CR if str(error).startswith("new-line") else str(error)
            raise Broken(taken[0][0] if taken else f"{path}:1", reason) from None
        one = len(values) < 2
        if any(value.strip() for value in values) or (one and '"' in taken[0][1]) or (blank and not one):
            yield taken[0][0], values, [line for _, line in taken]
