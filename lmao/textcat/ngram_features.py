"""Which word n-grams texts have: documents as word ids come in, sparse matrices go out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lmao.corpus.ngrams import Ids, Integers, Ngrams, Stretch, find_ngrams, frequent, frequent_ngrams, owners_of


@dataclass(frozen=True)
class NgramVocabulary:
    """The n-grams of some documents.

    words (words,) are ids, ascending; longer are the n-grams of 2 words and more, by their numbers in it.
    """

    words: Integers
    longer: list[Ngrams]

    @classmethod
    def build(cls, documents: Sequence[Ids], ngrams: int, min_count: int) -> "NgramVocabulary":
        """The n-grams of up to `ngrams` words that are in at least `min_count` documents."""
        ids, offsets = _concatenate(documents)
        words = frequent(ids.astype(np.int64), min_count, owners_of(offsets))
        longer: list[Ngrams] = []
        numbers = first = _numbers(words, ids)
        size = len(words)
        for n in range(2, ngrams + 1):
            everything = [Stretch(first, numbers, offsets)]
            longer.append(frequent_ngrams(everything, n, (size, len(words)), min_count, by_document=True))
            size, first = len(longer[-1]), find_ngrams(first, numbers, offsets, n, longer[-1])
        return cls(words, longer)

    def up_to(self, ngrams: int) -> "NgramVocabulary":
        """Its n-grams of so many words and fewer: the columns on the left stay what they are."""
        return NgramVocabulary(self.words, self.longer[: ngrams - 1])

    @property
    def sizes(self) -> list[int]:
        """How many n-grams it has of each length; their columns lie side by side, the words first."""
        return [len(self.words), *map(len, self.longer)]

    def counts(self, documents: Sequence[Ids]) -> sparse.csr_array:
        """(documents, n-grams) float32: how often the document has the n-gram."""
        ids, offsets = _concatenate(documents)
        numbers = first = _numbers(self.words, ids)
        columns = [first]
        for n, known in enumerate(self.longer, start=2):
            first = find_ngrams(first, numbers, offsets, n, known)
            columns.append(first)
        owners, starts = owners_of(offsets), np.cumsum([0, *self.sizes])
        row = np.concatenate([owners[column >= 0] for column in columns])
        column = np.concatenate([c[c >= 0] + start for c, start in zip(columns, starts[:-1], strict=True)])
        ones = np.ones(len(row), dtype=np.float32)
        indices = row, column.astype(np.int32)  # liblinear takes no others
        matrix = sparse.csr_array((ones, indices), shape=(len(documents), starts[-1]))
        matrix.sum_duplicates()
        return matrix

    def presence(self, documents: Sequence[Ids]) -> sparse.csr_array:
        """(documents, n-grams) float32: 1 where the document has the n-gram, else 0."""
        matrix = self.counts(documents)
        matrix.data[:] = 1
        return matrix


def _concatenate(documents: Sequence[Ids]) -> tuple[Ids, Integers]:
    """Their words (tokens,), and where each begins among them (documents + 1,)."""
    offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
    return np.concatenate([*documents, np.zeros(0, dtype=np.int32)]), offsets


def _numbers(known: Integers, ids: Ids) -> Ids:
    """Where each id is among the known ones (ascending); -1 for the others."""
    if not len(known):
        return np.full(len(ids), -1, dtype=np.int32)
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[places] == ids, places, -1).astype(np.int32)
