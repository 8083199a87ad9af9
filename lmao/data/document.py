"""What a source yields."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmao.errors import Unavailable


class Part(IntEnum):
    """Where a document belongs before splits are drawn. DEV: only if the user gave a file for it."""

    TRAIN = 0
    DEV = 1
    TEST = 2
    UNLABELLED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A text's syntactic heads, for the tokens of its annotation.

    starts, ends (n,) int64: characters of the text, in order, outside of it for what was stripped; heads (n,) int64:
    the number of each token's head, its own where it has none.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    heads: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Document:
    """place: where a user finds it, `file:line` or the name of its file, if that can be said."""

    text: str
    label: str | None  # None: unlabelled
    part: Part
    tree: Tree | None = field(default=None, compare=False)  # None: no heads annotated
    place: str | None = field(default=None, compare=False)


class Source(Protocol):
    """Texts and labels, one document at a time, always in the same order."""

    @property
    def name(self) -> str: ...

    def fingerprint(self) -> str:
        """SHA-256, in hex, of what texts and labels depend on; not of what only splits them."""
        ...

    def documents(self) -> Iterator[Document]:
        """All documents.

        Raises:
            UserError: the line names the file and the place in it.
        """
        ...


def documents_of(source: Source, fingerprint: str) -> Iterator[Document]:
    """All documents of a source, as it was when it had this fingerprint.

    Raises:
        Unavailable: after the last one: the files have changed since; what was read of them may be half of each.
    """
    yield from source.documents()
    if source.fingerprint() != fingerprint:
        raise Unavailable("the data's files changed while they were read", setting="data", advice="run it again")


def chunks(documents: Iterator[Document], characters: int) -> Iterator[list[Document]]:
    """Neighbouring documents in lists of at least so many characters, but for the last."""
    chunk: list[Document] = []
    size = 0
    for document in documents:
        chunk.append(document)
        size += len(document.text)
        if size >= characters:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
