"""The vectors of a corpus' types: words are looked up once, rows are all that training needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.corpus import Corpus
from lmao.corpus.selection import Selection
from lmao.engine.parameters import Floats
from lmao.vectors.table import StaticVectors


class WordTable(Protocol):
    def look_up(self, words: Sequence[str]) -> tuple[NDArray[np.int32], Floats]:
        """Rows (n,) of lower-cased words into vectors (m, dims), -1 where a word has none."""


@dataclass(frozen=True)
class TypeVectors:
    """A table, by the types of a corpus; `table` is None where there are no vectors.

    rows (types,) int32 into vectors (rows + 1, dims); -1, also the last row, all zeros, where a type has none.
    """

    corpus: Corpus
    table: StaticVectors | None
    rows: NDArray[np.int32]
    vectors: Floats

    @property
    def digest(self) -> str | None:
        return None if self.table is None else self.table.digest

    def coverage(self, texts: Selection) -> float:
        """Share of the texts' tokens, white space left out, that have a vector."""
        words = ~self.corpus.type_is_space
        return float(texts.counts[(self.rows >= 0) & words].sum() / max(1, texts.counts[words].sum()))

    @cached_property
    def predictable(self) -> NDArray[np.int32]:
        """The rows, -1 also where a prediction would mean nothing: white space, vectors of zeros."""
        zeros: NDArray[np.bool_] = np.linalg.norm(self.vectors, axis=1) == 0
        return np.where(self.corpus.type_is_space | zeros[self.rows], -1, self.rows).astype(np.int32)


def look_up(corpus: Corpus, table: StaticVectors | None) -> TypeVectors:
    if table is None:
        none = np.full(len(corpus.types), -1, dtype=np.int32)
        return TypeVectors(corpus, None, none, np.zeros((1, 0), dtype=np.float32))
    return TypeVectors(corpus, table, *of_types(corpus, table))


def of_types(corpus: Corpus, table: WordTable) -> tuple[NDArray[np.int32], Floats]:
    """Rows and vectors as `TypeVectors` has them."""
    rows, vectors = table.look_up(corpus.words)
    zeros = np.zeros((1, vectors.shape[1]), dtype=np.float32)
    return rows[corpus.type_words], np.concatenate([vectors, zeros])
