"""The user's own texts: JSONL, CSV, TSV or, without labels, plain text; each also as .gz."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lmao.config.data import Files
from lmao.data.document import Part
from lmao.data.parts import PartedSource, Record, paths_of
from lmao.errors import UserError

DELIMITERS = {".csv": ",", ".tsv": "\t"}
LABELLED = (".jsonl", ".csv", ".tsv")
LONGEST_FIELD = 2**31 - 1  # csv's own limit is 131,072 characters


class Columns(NamedTuple):
    text: str
    label: str


def open_files(config: Files) -> PartedSource:
    """Check the paths and their endings.

    Raises:
        UserError: a file does not exist or is of an unknown kind.
    """
    paths = paths_of(config)
    for part, path in paths.items():
        allowed = LABELLED if part is not Part.UNLABELLED else (*LABELLED, ".txt")
        if not path.is_file() or _ending(path) not in allowed:
            kinds = ", ".join(allowed)
            raise UserError(f"{path}: this kind of file can't be read here; these can: {kinds} (also with .gz)")
    columns = Columns(config.text_column, config.label_column)
    files = {part: [path] for part, path in paths.items()}
    return PartedSource("files", files, columns, partial(_read, columns))


def _ending(path: Path) -> str:
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def _read(columns: Columns, path: Path, labelled: bool) -> Iterator[Record]:
    lines = _lines(path)
    ending = _ending(path)
    if ending == ".txt":
        for place, line in lines:
            if line.strip():
                yield Record(place, line.strip(), None)
        return
    rows = _json_rows(lines) if ending == ".jsonl" else _csv_rows(path, lines, DELIMITERS[ending])
    for place, row in rows:
        yield Record(place, _text(place, row, columns.text), _label(place, row, columns.label) if labelled else None)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line with its place, `file:line`. Decoded one by one: an error then knows where it is."""
    number = 0
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                place = f"{path}:{number}"
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise UserError(
                        f"{place}: not UTF-8 (byte {error.start} of the line)", advice="save it as UTF-8"
                    ) from None
                if "\0" in line:
                    raise UserError(f"{place}: has a NUL byte: is it UTF-16? Save it as UTF-8")
                yield place, line
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}:{number + 1}: a damaged or incomplete gzip file: {error}") from None


def _json_rows(lines: Iterator[tuple[str, str]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for place, line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{place}: not JSON: {error.msg} at character {error.pos + 1}") from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{place}: JSON that can't be read: {error}") from None
        if not isinstance(row, dict):
            raise UserError(f"{place}: a JSON object is needed on each line, this is a {type(row).__name__}")
        yield place, row


def _csv_rows(path: Path, lines: Iterator[tuple[str, str]], delimiter: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    csv.field_size_limit(LONGEST_FIELD)
    rows = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
    header: list[str] = []
    start = 1
    try:
        for values in rows:
            place, start = f"{path}:{start}", rows.line_num + 1
            if not values:
                continue
            if not header:
                header = [name.strip() for name in values]
                continue
            if len(values) != len(header):
                raise UserError(
                    f"{place}: {len(values)} field{'s' * (len(values) != 1)}, but the header has {len(header)}",
                    advice="quote the text",
                )
            yield place, dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise UserError(f"{path}:{start}: a table that can't be read: {error}") from None


def _text(place: str, row: Mapping[str, Any], column: str) -> str:
    text = _value(place, row, column, "data.text_column")
    if not isinstance(text, str):
        raise UserError(f"{place}: '{column}' is not a text")
    if not text.strip():
        raise UserError(f"{place}: '{column}' is empty", advice="remove the line")
    return _encodable(place, text.strip())


def _label(place: str, row: Mapping[str, Any], column: str) -> str:
    label = _value(place, row, column, "data.label_column")
    if isinstance(label, int):
        return json.dumps(label)
    if label is not None and not isinstance(label, str):
        raise UserError(f"{place}: '{column}' must be a string or a whole number")
    if label is None or not label.strip():
        raise UserError(f"{place}: no label in '{column}': texts without one belong in data.unlabelled_path")
    return _encodable(place, label.strip())


def _value(place: str, row: Mapping[str, Any], column: str, setting: str) -> Any:
    if column not in row:
        there = ", ".join(f"'{name}'" for name in row) or "nothing"
        raise UserError(f"{place}: no column '{column}', there is {there}", advice=f"set {setting}")
    return row[column]


def _encodable(place: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{place}: has half a character (a lone surrogate, \\ud800 to \\udfff)") from None
    return text
