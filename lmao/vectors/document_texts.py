"""Texts of `vectors=document`, kept on disk: words come in, chunks of n-grams go out, memory is flat."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from lmao.corpus.batches import batches
from lmao.corpus.ngrams import Ids, Integers, Ngrams, Stretch, find_ngrams

DOCUMENTS_AT_ONCE = 1_000
TOKENS_AT_ONCE = 1 << 20
CHUNK_TOKENS = 1 << 21


@dataclass(frozen=True)
class WordFile:
    """The words of texts, one text after the other: int32 in a file.

    offsets (documents + 1,): where each begins; counts (words,): how often each occurs.
    """

    path: Path
    offsets: Integers
    counts: Integers

    @classmethod
    def write(cls, path: Path, documents: Iterable[Ids], size: int) -> "WordFile":
        """documents: as ids of `size` words."""
        counts, lengths, rest = np.zeros(size, np.int64), [np.zeros(1, np.int64)], iter(documents)
        with path.open("wb") as file:
            while some := list(islice(rest, DOCUMENTS_AT_ONCE)):
                words = np.concatenate(some, dtype=np.int32)
                counts += np.bincount(words, minlength=size)
                lengths.append(np.array([len(one) for one in some]))
                file.write(words.data)
        return cls(path, np.cumsum(np.concatenate(lengths)), counts)

    def read(self, begins: Sequence[int], ends: Sequence[int]) -> Ids:
        """The stretches from begins[i] to ends[i], side by side."""
        out = np.empty(sum(ends) - sum(begins), np.int32)
        into, at = out.view(np.uint8).data, 0
        with self.path.open("rb") as file:
            for begin, end in zip(begins, ends, strict=True):
                file.seek(4 * begin)
                at += file.readinto(into[at : at + 4 * (end - begin)])
        return out


@dataclass(frozen=True)
class NgramReader:
    """Finds the known n-grams of texts.

    numbers (words,) int32: those of the known words, -1 for the others; longer: the known n-grams of 2 words and more.
    """

    file: WordFile
    numbers: Ids
    longer: Sequence[Ngrams]

    def __iter__(self) -> Iterator[Stretch]:
        """All texts in order, a part of them at a time, with their longest n-grams that are known."""
        offsets = self.file.offsets
        for some in batches(np.diff(offsets), TOKENS_AT_ONCE):
            borders = offsets[some.start : some.stop + 1]
            words = self.file.read([int(borders[0])], [int(borders[-1])])
            found = self._find(words, borders - borders[0])
            yield Stretch(found[-1], found[0], borders - borders[0])

    def chunk(self, documents: Integers) -> tuple[list[Ids], Integers]:
        """The n-grams of each length that begin at each token of these documents, -1 for none; the offsets."""
        begins, ends = self.file.offsets[documents], self.file.offsets[documents + 1]
        offsets = np.concatenate([[0], np.cumsum(ends - begins)])
        return self._find(self.file.read(begins.tolist(), ends.tolist()), offsets), offsets

    def _find(self, words: Ids, offsets: Integers) -> list[Ids]:
        found = [self.numbers[words]]
        for n, known in enumerate(self.longer, start=2):
            found.append(find_ngrams(found[-1], found[0], offsets, n, known))
        return found


@dataclass(frozen=True)
class ChunkFile:
    """The texts in the order of training, in chunks: (kinds, tokens) int32 of each, in a file.

    Chunk i has the documents from borders[i] to borders[i + 1]; offsets (documents + 1,): where each begins among the
    tokens; counts (n-grams,): how often each occurs, numbered through, words first.
    """

    path: Path
    kinds: int
    borders: Integers
    offsets: Integers
    counts: Integers

    @classmethod
    def write(cls, path: Path, reader: NgramReader, order: Integers) -> "ChunkFile":
        """order (documents,): the order of training."""
        starts = np.cumsum([0, np.count_nonzero(reader.numbers >= 0), *map(len, reader.longer)])
        counts = np.zeros(starts[-1], np.int64)
        lengths = np.diff(reader.file.offsets)[order]
        chunks = batches(lengths, CHUNK_TOKENS)
        with path.open("wb") as file:
            for some in chunks:
                for ids, (start, end) in zip(reader.chunk(order[some])[0], pairwise(starts), strict=True):
                    counts[start:end] += np.bincount(ids[ids >= 0], minlength=end - start)
                    file.write(np.where(ids < 0, -1, ids + np.int32(start)).astype(np.int32).data)
        borders = np.array([0, *(some.stop for some in chunks)])
        return cls(path, len(starts) - 1, borders, np.concatenate([[0], np.cumsum(lengths)]), counts)

    def __len__(self) -> int:
        return len(self.borders) - 1

    def read(self, chunk: int) -> tuple[Ids, Integers]:
        """ngrams (kinds, tokens), -1 for none; offsets (documents of the chunk + 1,), where each begins in it."""
        offsets = self.offsets[self.borders[chunk] : self.borders[chunk + 1] + 1]
        size = self.kinds * int(offsets[-1] - offsets[0])
        ids = np.fromfile(self.path, np.int32, size, offset=4 * self.kinds * int(offsets[0]))
        return ids.reshape(self.kinds, -1), offsets - offsets[0]
