"""The vectors of a corpus' types: words are looked up once, rows are all that training needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.corpus import Corpus
from lmao.engine.parameters import Floats
from lmao.vectors.table import StaticVectors


@dataclass(frozen=True)
class TypeVectors:
    """rows (types,) int32 into vectors (rows + 1, dims); -1, also the last row, all zeros, where a type has none."""

    rows: NDArray[np.int32]
    vectors: Floats

    def coverage(self, corpus: Corpus, counts: NDArray[np.int64]) -> float:
        """Share of the tokens, white space left out, that have a vector; counts (types,) are their numbers."""
        words = ~corpus.type_is_space
        return float(counts[(self.rows >= 0) & words].sum() / max(1, counts[words].sum()))

    def predictable(self, corpus: Corpus) -> NDArray[np.int32]:
        """The rows, -1 also where a prediction would mean nothing: white space, vectors of zeros."""
        zeros: NDArray[np.bool_] = np.linalg.norm(self.vectors, axis=1) == 0
        return np.where(corpus.type_is_space | zeros[self.rows], -1, self.rows).astype(np.int32)


def look_up(corpus: Corpus, vectors: StaticVectors | None) -> TypeVectors:
    if vectors is None:
        return TypeVectors(np.full(len(corpus.types), -1, dtype=np.int32), np.zeros((1, 0), dtype=np.float32))
    rows, table = vectors.look_up(corpus.words)
    zeros = np.zeros((1, table.shape[1]), dtype=np.float32)
    return TypeVectors(rows[corpus.type_words], np.concatenate([table, zeros]))
