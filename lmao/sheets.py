"""Rows become a CSV file that people open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from lmao.files import write_whole

MARK = "\ufeff"  # without it Excel takes UTF-8 for a Windows code page
COMPUTED = re.compile("'*[-=+@\t\r\n＝＋－＠]")  # noqa: RUF001 - the start of a formula, or of one that was guarded
FOREIGN = ("text", "place")  # columns whose cells are somebody else's


def write_sheet(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write it whole or not at all: UTF-8 with a mark, a comma between cells, quoted where need be.

    A text or a place that a spreadsheet would take for a formula gets an apostrophe in front, which `as_it_was` takes
    away where a text comes back to be trained on. A label stays as it is.
    """
    foreign = [name in FOREIGN for name in header]
    text = io.StringIO(newline="")
    text.write(MARK)
    written = ([_safe(cell) if safe else cell for cell, safe in zip(row, foreign, strict=True)] for row in rows)
    csv.writer(text).writerows([header, *written])
    write_whole(path, text.getvalue())


def as_it_was(cell: str) -> str:
    """A cell as it was before it got an apostrophe."""
    return cell[1:] if cell.startswith("'") and COMPUTED.match(cell) else cell


def _safe(cell: str) -> str:
    return f"'{cell}" if COMPUTED.match(cell) else cell
