"""How a table is written: a file comes in; its delimiter, quotes and header go out, found by what makes all rows fit.

Nothing is guessed from a sample: the whole file is read. Where two ways to read it fit and differ, neither is taken.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmao.data.lines import ending, lines, refuse_cr
from lmao.data.record import Reading
from lmao.data.rows import KEYS
from lmao.data.tables import DELIMITERS, Broken, Dialect, parse
from lmao.errors import UserError
from lmao.files import LONGEST_LINE

BLANK = "".join(DELIMITERS.values()) + ' "\r\n'  # all that a row without a text consists of
ROWS = 0.75  # of the lines of a field, if these are rows that a stray quote has swallowed; one of them may be broken
DECIMAL = re.compile(r"(?<=\d),(?=\d)")  # a comma of a number
USUAL = {".csv": "comma", ".tsv": "tab"}


@dataclass
class Fit:
    """How all rows of a file fit a delimiter, with or without quotes."""

    width: int = 0  # fields of the first row
    broken: int | None = None  # the line of the first row that doesn't fit
    any_quotes: bool = False
    opened: int = 0  # fields that begin with a quote
    wrapped: int = 0  # of these the ones that end with one, too
    over_lines: str | None = None  # the place of the first row over several lines
    swallowing: str | None = None  # that of the first one over lines which have labels of their own


def find_dialect(path: Path, reading: Reading) -> Dialect:
    """The dialect that all rows of the file fit, or, where none does, the one to name the first mistake in.

    Raises:
        UserError: it is unclear, and a setting has to decide; or a name occurs twice in the header.
    """
    csv.field_size_limit(LONGEST_LINE)  # its own is 131,072 characters
    place, first = next(((place, line) for place, line in lines(path) if line.strip(BLANK)), (f"{path}:1", ""))
    refuse_cr(path, first)
    if re.fullmatch(r'"?sep=."?\s*', first):
        raise UserError(f"{place}: a line for Excel alone, {first.strip()}", advice="remove it")
    delimiter, named = _delimiter(path, first, reading)
    names = _fields(first, delimiter, reading.quotes)
    label = names.index(reading.label_column) if named and reading.label_column in names else None
    quotes, any_quotes = _quotes(path, delimiter, reading.quotes, label)
    names = _fields(first, delimiter, quotes)
    said = [delimiter, *(["quotes" if quotes else "quotes are text"] if any_quotes else [])]
    header = reading.header
    if header is None:
        header = named or _has_header(path, delimiter, quotes, reading)
    if header:
        twice = next((name for i, name in enumerate(names) if name and name in names[:i]), None)
        if twice is not None:
            raise UserError(f"{place}: the header has '{twice}' twice", advice="rename one of the columns")
        return Dialect(delimiter, quotes, True, names, _form(path, [*said, "header"]))
    columns = _numbered(path, delimiter, quotes, len(names), reading)
    said.append("no header")
    if reading.text_column in columns and not reading.text_column.isdigit():
        said.append(f"text in column {columns.index(reading.text_column) + 1}")
    return Dialect(delimiter, quotes, False, columns, _form(path, said))


def _form(path: Path, said: Sequence[str]) -> str:
    return f"{ending(path).lstrip('.').upper()} ({', '.join(said)})"


def _fields(line: str, delimiter: str, quotes: bool | None) -> list[str]:
    """Those of one line, as well as it can be read."""
    try:
        if quotes is not False:
            row = next(csv.reader([line], delimiter=DELIMITERS[delimiter], strict=True, skipinitialspace=True), [])
            return [name.strip() for name in row]
    except csv.Error:
        pass
    return [name.strip() for name in line.split(DELIMITERS[delimiter])]


def _delimiter(path: Path, first: str, reading: Reading) -> tuple[str, bool]:
    """The delimiter, and whether the first line names a column that is looked for with it."""
    usual = USUAL.get(ending(path), "comma")
    candidates = [usual, *(name for name in DELIMITERS if name != usual)]
    if reading.delimiter is not None:
        candidates = [reading.delimiter]
    if reading.header is not False:
        wanted = {reading.text_column, reading.label_column, *KEYS}
        found = [len(wanted.intersection(_fields(first, name, reading.quotes))) for name in candidates]
        if max(found):
            best = [name for name, count in zip(candidates, found, strict=True) if count == max(found)]
            whole = (name for name in best if len(best) > 1 and _reads(path, name, reading.quotes))
            return next(whole, best[0]), True
    if reading.delimiter is not None:
        return reading.delimiter, False
    fitting = [name for name in candidates if _fits(path, name, reading.quotes)]
    if len(fitting) > 1 and "comma" in fitting and all("," not in DECIMAL.sub("", line) for _, line in lines(path)):
        fitting.remove("comma")
    if len(fitting) > 1 and ending(path) != ".tsv":
        listed = " and ".join(fitting)
        raise UserError(f"{path}: {listed} both make columns of it", advice=f"set data.delimiter={fitting[0]}")
    return (fitting or [usual])[0], False


def _fits(path: Path, delimiter: str, quotes: bool | None) -> bool:
    """Whether it makes columns of all rows."""
    return any(fit.width > 1 and fit.broken is None for fit in _ways(path, delimiter, quotes))


def _reads(path: Path, delimiter: str, quotes: bool | None) -> bool:
    """Whether all rows have as many fields as the first."""
    return any(fit.broken is None for fit in _ways(path, delimiter, quotes))


def _ways(path: Path, delimiter: str, quotes: bool | None) -> Iterator[Fit]:
    return (_fit(path, delimiter, way, None) for way in ((False, True) if quotes is None else (quotes,)))


def _quotes(path: Path, delimiter: str, given: bool | None, label: int | None) -> tuple[bool, bool]:
    """Whether quotes hold fields together, and whether there are any. label: that column's place, if it is known."""
    if given is not None:
        return given, True
    plain = _fit(path, delimiter, False, label)
    if plain.broken is None and not plain.any_quotes:
        return False, False
    quoted = _fit(path, delimiter, True, label)
    any_quotes = plain.any_quotes or quoted.any_quotes
    if quoted.broken is None:
        place = quoted.swallowing or (quoted.over_lines if plain.broken is None else None)
        if place is not None:
            raise UserError(
                f"{place}: a quote opens a field that goes on over lines which are rows by themselves",
                advice="set data.quotes=false, or true if it is one field",
            )
        return True, any_quotes
    if plain.broken is None:  # if most are closed, it is a quoted file with a mistake
        return 2 * plain.wrapped > plain.opened, True
    return quoted.broken >= plain.broken, any_quotes


def _fit(path: Path, delimiter: str, quotes: bool, label: int | None) -> Fit:
    fit = Fit()
    labels: set[str] = set()
    suspects: list[tuple[str, int, list[str]]] = []  # place, lines and their labels
    try:
        for place, row, stand in parse(path, delimiter, quotes):
            fit.width = fit.width or len(row)
            if len(row) != fit.width:
                raise Broken(place, "")
            if any('"' in line for line in stand):
                fit.any_quotes = True
                opened = [value.strip() for value in row if value.lstrip().startswith('"')]
                fit.opened += len(opened)
                fit.wrapped += sum(len(value) > 1 and value.endswith('"') for value in opened)
            if len(stand) > 1:
                fit.over_lines = fit.over_lines or place
                if label is not None:
                    parts = [_fields(line, delimiter, False) for line in stand]
                    found = [part[label].strip('" ') for part in parts if len(part) == fit.width]
                    suspects.append((place, len(stand), found))
            elif label is not None:
                labels.add(row[label].strip())
    except Broken as error:
        fit.broken = int(error.place.rpartition(":")[2])
    swallowed = (place for place, stand, found in suspects if sum(one in labels for one in found) >= ROWS * stand)
    fit.swallowing = next(swallowed, None)
    return fit


def _has_header(path: Path, delimiter: str, quotes: bool, reading: Reading) -> bool:
    """Whether the first row, which has none of the names that are looked for, is a header: no column of it has its
    value in another row, too.

    Raises:
        UserError: it is unclear.
    """
    first: list[str] = []
    again: set[int] = set()
    unclear = False
    for row in _readable(path, delimiter, quotes):
        if not first:
            first = row
            continue
        again |= {i for i, (own, value) in enumerate(zip(first, row, strict=False)) if own.strip() and own == value}
        unclear = unclear or row == first
    unclear = unclear or first == [str(i) for i in range(len(first))]  # pandas' names for columns without one
    if (again and unclear) or (not again and reading.text_column.isdigit()):
        raise UserError(f"{path}: its first line may be a header or not", advice="set data.header=true or false")
    return not again


def _numbered(path: Path, delimiter: str, quotes: bool, width: int, reading: Reading) -> list[str]:
    """Names of the columns of a table without a header: their numbers, but of one column, or two that are clear, the
    names that are looked for.

    Raises:
        UserError: it is unclear which one has the texts.
    """
    columns = [str(number) for number in range(1, width + 1)]
    if reading.text_column in columns:
        return columns
    if width == 1:
        return [reading.text_column]
    if width == 2:
        seen: tuple[set[str], set[str]] = (set(), set())
        for row in _readable(path, delimiter, quotes):
            for values, value in zip(seen, row, strict=False):
                values.add(value)
        first, second = map(len, seen)
        if first >= 2 * second:
            return [reading.text_column, reading.label_column]
        if second >= 2 * first:
            return [reading.label_column, reading.text_column]
    raise UserError(
        f"{path}: no header, and {width} columns",
        advice="give the numbers of two, data.text_column=2 data.label_column=1",
    )


def _readable(path: Path, delimiter: str, quotes: bool) -> Iterator[list[str]]:
    """The fields of the rows, up to the first that can't be read."""
    try:
        for _, row, _ in parse(path, delimiter, quotes):
            yield row
    except Broken:
        return
