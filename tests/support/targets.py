"""What targets are made of, at random, for tests of pre-training."""

import numpy as np

from lmao.corpus.corpus import Corpus
from lmao.engine.parameters import Floats
from lmao.objectives.opening import Given


class Means:
    def __init__(self, corpus: Corpus, rows: np.ndarray, table: Floats) -> None:
        self.dims = table.shape[1]
        self._tokens, self._rows, self._table = corpus.tokens, rows, table

    def __call__(self, begins: np.ndarray, lengths: np.ndarray) -> Floats:
        texts = [self._tokens[begin : begin + length] for begin, length in zip(begins, lengths, strict=True)]
        return np.stack([self._table[self._rows[text]].mean(axis=0) for text in texts])


def given(corpus: Corpus, rows: np.ndarray, table: Floats) -> Given:
    """A text's vector is the mean of its words'; a word's head is the one before it."""
    heads = np.full(len(corpus.tokens), -1, dtype=np.int32)
    heads[corpus.offsets[:-1]] = 0
    counts = corpus.type_counts(np.arange(len(corpus.parts)))
    return Given(corpus, counts, rows, table, lambda of: Means(corpus, rows, table), lambda parser: heads)
