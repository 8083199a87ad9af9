"""The table in the cache: words and vectors come in, rows of the words that are asked for go out."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.strings import StringStore
from spacy.vectors import Vectors

from lmao.cache import Entry, EntryInMemory, Writer
from lmao.errors import UserError

Block = tuple[list[str], NDArray[np.float32]]

ROWS_AT_ONCE = 65_536
WORDS_AT_ONCE = 2_048


@dataclass(frozen=True)
class StaticVectors:
    """A memory-mapped table (size, dims) of vectors for lower-cased words.

    `floret` holds the settings of spaCy's floret mode, where a word's vector is the mean of its n-grams' rows.
    """

    name: str
    dims: int
    size: int
    digest: str
    cached: bool
    floret: dict[str, Any] | None
    entry: Entry

    @classmethod
    def of(cls, name: str, entry: Entry, cached: bool) -> "StaticVectors":
        size, dims = entry.array("table").shape
        return cls(name, dims, size, entry.digest, cached, entry.meta["floret"], entry)

    def copy_to(self, writer: Writer) -> None:
        """Write the table, words alone, into another entry, which it can be read from as from its own."""
        writer.array("table", self.entry.array("table"))
        writer.meta["floret"] = self.floret
        if self.floret is None:
            writer.array("rows", self.entry.array("rows"))
            (writer.path / "words.json").write_text(json.dumps(self.words), encoding="utf-8")

    def in_memory(self) -> "StaticVectors":
        """The table, words alone, which needs its files no more."""
        arrays = {"table": np.array(self.entry.array("table"))}
        values = {}
        if self.floret is None:
            arrays["rows"] = np.array(self.entry.array("rows"))
            values["words"] = self.words
        return replace(self, entry=EntryInMemory(self.entry.meta, arrays, values))

    @property
    def megabytes(self) -> float:
        """Of its files, but those of n-grams, which end in a number: they are for vectors of whole texts alone."""
        files = [path for path in self.entry.path.iterdir() if not path.stem[-1].isdigit()]
        return sum(path.stat().st_size for path in files) / 1e6

    def look_up(self, words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows (n,) into a table (m, dims) of just these words' vectors; -1 where a word has none.

        Words are compared as they are: give their lower-cased forms.
        """
        if self.floret is not None:
            return self._compose(words)
        rows = self.rows_of(words)
        found = rows >= 0
        used, compact = np.unique(rows[found], return_inverse=True)
        rows[found] = compact
        return rows.astype(np.int32), np.asarray(self.entry.array("table")[used])

    def rows_of(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Rows (n,) into the whole table, which must not be of floret mode; -1 where a word has none."""
        return np.fromiter((self._row_of.get(word, -1) for word in words), np.int64, len(words))

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return dict(zip(self.words, self.entry.array("rows").tolist(), strict=True))

    def to_spacy(self, strings: StringStore) -> Vectors:
        """The whole table for the pipeline of these strings, which the words are added to.

        Its keys are lower-cased words, as the encoder looks them up (see `lmao.encoder.stock`). The last row is zeros:
        `spacy.StaticVectors.v1` gives it to words that have none. It belongs to no word, so the empty one has it: spaCy
        would fill a row that nobody has with the next vector that is set.
        """
        table = np.asarray(self.entry.array("table"))
        if self.floret is not None:
            return Vectors(strings=strings, data=table, mode="floret", attr="LOWER", **self.floret)
        vectors = Vectors(strings=strings, data=np.concatenate([table, np.zeros((1, self.dims), table.dtype)]))
        keys = map(strings.add, self.words)
        vectors.key2row = dict(zip(keys, self.entry.array("rows").tolist(), strict=True)) | {strings.add(""): self.size}
        return vectors

    @property
    def words(self) -> list[str]:
        """Those of a table that is not of floret mode; entry.array("rows") has their rows."""
        words: list[str] = self.entry.json("words")
        return words

    def _compose(self, words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        row_of: dict[str, int] = {}
        for word in words:
            if word:
                row_of.setdefault(word, len(row_of))
        rows = np.fromiter((row_of.get(word, -1) for word in words), np.int32, len(words))
        return rows, compose(self.to_spacy(StringStore()), list(row_of))


def compose(vectors: Vectors, words: Sequence[str]) -> NDArray[np.float32]:
    """The vectors (n, dims) that a floret table gives to words, none of them empty."""
    composed = np.zeros((len(words), vectors.shape[1]), np.float32)
    for start in range(0, len(words), WORDS_AT_ONCE):
        part = words[start : start + WORDS_AT_ONCE]
        composed[start : start + len(part)] = vectors.get_batch([vectors.strings.add(word) for word in part])
    return composed


def fault_of(vectors: NDArray[np.float32]) -> tuple[int, str] | None:
    """The first row (of n, dims) that can't be computed with, and what it is; None where there is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        fine = np.isfinite(np.einsum("ij,ij->i", vectors, vectors))
    if fine.all():
        return None
    row = int(np.argmin(fine))
    return row, "too long to compute with" if np.isfinite(vectors[row]).all() else "not finite"


def write_blocks(writer: Writer, blocks: Iterable[Block], normalize: bool) -> None:
    """Write an entry from blocks of words and their vectors, in the order of the file they come from.

    Raises:
        UserError: there is no word in them.
    """
    words: list[str] = []
    dims = 0
    with TemporaryDirectory(dir=writer.path) as folder:
        path = Path(folder) / "vectors"
        with path.open("wb") as file:
            for part, vectors in blocks:
                words += part
                dims = vectors.shape[1]
                file.write(np.ascontiguousarray(vectors, "<f4").data)
        if not words:
            raise UserError("there is no vector in it", setting="vectors.path")
        table = np.memmap(path, "<f4", "r", shape=(len(words), dims))
        write_words(writer, words, np.arange(len(words)), table, normalize)


def write_words(
    writer: Writer, words: list[str], rows: NDArray[np.int64], table: NDArray[np.float32], normalize: bool
) -> None:
    """Write an entry of words, their rows (n,) and the table (m, dims) that these point into.

    A word is kept under its lower-cased form: that form's own row where it is listed, the first listed variant's
    (the most frequent one's, in tables sorted by frequency) where it is not.
    """
    chosen: dict[str, int] = {}
    for index, word in enumerate(words):
        form = word.lower()
        if form and (form not in chosen or (word == form and words[chosen[form]] != form)):
            chosen[form] = index
    used, compact = np.unique(rows[list(chosen.values())], return_inverse=True)
    write_table(writer, blocks_of(table, used, normalize), (len(used), table.shape[1]))
    writer.array("rows", compact.astype(np.int32))
    (writer.path / "words.json").write_text(json.dumps(list(chosen)))
    writer.meta["floret"] = None


def write_table(
    writer: Writer, parts: Iterator[NDArray[np.float32]], shape: tuple[int, ...], name: str = "table"
) -> None:
    """Write `<name>.npy`, float32 of this shape, part by part."""
    with writer.blocks(name, "<f4", shape) as write:
        for part in parts:
            write(part)


def blocks_of(table: NDArray[np.float32], rows: NDArray[np.integer], normalize: bool) -> Iterator[NDArray[np.float32]]:
    """These rows of a table, some at a time; `normalize` makes each of length 1."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = table[rows[start : start + ROWS_AT_ONCE]]
        if normalize:
            lengths = np.linalg.norm(part, axis=1, keepdims=True)
            lengths[lengths == 0] = 1
            part = part / lengths
        yield np.asarray(part)
