"""What every reader of a user's files takes and yields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from lmao.data.document import Tree


class Answer(StrEnum):
    """An annotator's, in Prodigy's words: whether the label is right."""

    ACCEPT = "accept"
    REJECT = "reject"
    IGNORE = "ignore"


class Record(NamedTuple):
    place: str  # for error messages: file:line
    text: str  # empty: there is none, and nothing is learned from it
    label: str | None
    tree: Tree | None = None
    answer: Answer = Answer.ACCEPT
    form: str = ""  # how it was read, for the line `data`


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read: the settings of data=files that their texts and labels depend on. None: as the file is."""

    text_column: str = "text"
    label_column: str = "label"
    delimiter: str | None = None  # comma, semicolon, tab or pipe
    quotes: bool | None = None
    header: bool | None = None


Reader = Callable[[Path, bool], Iterator[Record]]  # (path, is it labelled) -> records
