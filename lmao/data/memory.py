"""Texts and labels that a program has in memory, and what it can read to pre-train on."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lmao.data.document import Document, Part


@dataclass(frozen=True)
class MemorySource:
    """texts and their labels (n,), and raw texts."""

    texts: Sequence[str]
    labels: Sequence[str]
    unlabelled: Sequence[str]
    name: str = "memory"

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for part in (self.texts, self.labels, self.unlabelled):
            digest.update(f"{len(part)}\n".encode())
            for value in part:
                encoded = value.encode()
                digest.update(f"{len(encoded)} ".encode() + encoded)
        return digest.hexdigest()

    def documents(self) -> Iterator[Document]:
        for number, (text, label) in enumerate(zip(self.texts, self.labels, strict=True)):
            yield Document(text.strip(), label, Part.TRAIN, place=f"texts[{number}]")
        for number, text in enumerate(self.unlabelled):
            yield Document(text.strip(), None, Part.UNLABELLED, place=f"unlabelled[{number}]")
