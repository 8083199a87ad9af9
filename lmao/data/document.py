"""What a source yields."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Part(IntEnum):
    """Where a document belongs before any drawing. DEV: only where the user gave a file for it."""

    TRAIN = 0
    DEV = 1
    TEST = 2
    UNLABELLED = 3


@dataclass(frozen=True, slots=True)
class Document:
    text: str
    label: str | None  # None: unlabelled
    part: Part


class Source(Protocol):
    """Texts and labels, one document at a time, always in the same order."""

    @property
    def name(self) -> str: ...

    def fingerprint(self) -> str:
        """SHA-256, in hex, of what decides over texts and labels; nothing that only splits them counts."""
        ...

    def documents(self) -> Iterator[Document]:
        """All documents.

        Raises:
            UserError: the line names the file and the place in it.
        """
        ...
