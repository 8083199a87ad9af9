"""Texts of a corpus, laid out for the encoder in batches of about the same number of words."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.corpus import Corpus
from lmao.engine import kernels

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """A batch's texts laid out: ids (rows,) int32 types, -1 in the gaps; starts and lengths (texts,) int64 in rows;
    document_lengths (texts,) of what they were cut from."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    document_lengths: NDArray[np.int64]

    def rows(self, which: slice) -> Rows:
        """The rows of the words of some neighbouring texts."""
        first, last = self.starts[which.start], self.starts[which.stop - 1] + self.lengths[which.stop - 1]
        rows: Rows = np.flatnonzero(self.ids[first:last] >= 0) + first
        return rows


@dataclass(frozen=True)
class Segments:
    """Segments of a corpus, whole documents or windows of them: where each begins, how long it is, and how long its
    document is, (texts,) int64 in tokens."""

    begins: NDArray[np.int64]
    lengths: NDArray[np.int64]
    document_lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.begins)

    def __getitem__(self, which: slice | NDArray[np.int64]) -> "Segments":
        return Segments(self.begins[which], self.lengths[which], self.document_lengths[which])


def documents(corpus: Corpus, numbers: NDArray[np.int64]) -> Segments:
    begins = corpus.offsets[numbers]
    lengths = corpus.offsets[numbers + 1] - begins
    return Segments(begins, lengths, lengths)


def windows(corpus: Corpus, numbers: NDArray[np.int64], longest: int) -> Segments:
    """The documents, each cut into as few windows of at most `longest` words as it takes, of nearly equal length."""
    whole = documents(corpus, numbers)
    counts = -(-whole.lengths // longest)
    owner = np.repeat(np.arange(len(whole)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    base, extra = whole.lengths[owner] // counts[owner], whole.lengths[owner] % counts[owner]
    begins = whole.begins[owner] + place * base + np.minimum(place, extra)
    return Segments(begins, base + (place < extra), whole.lengths[owner])


def batches(lengths: NDArray[np.int64], words: int) -> list[slice]:
    """Slices of neighbouring texts, up to about `words` words a batch, at least one text each."""
    ends = np.cumsum(lengths)
    number = (ends - lengths) // words
    borders = [*np.flatnonzero(np.diff(number, prepend=-1)).tolist(), len(lengths)]
    return [slice(a, b) for a, b in itertools.pairwise(borders)]


def lay_out(corpus: Corpus, segments: Segments, gap: int) -> Texts:
    ids = np.empty(int(segments.lengths.sum()) + gap * (len(segments) + 1), dtype=np.int32)
    starts = np.empty(len(segments), dtype=np.int64)
    kernels.lay_out(corpus.tokens, segments.begins, segments.lengths, gap, ids, starts)
    return Texts(ids, starts, segments.lengths, segments.document_lengths)
