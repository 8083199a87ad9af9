"""What targets are made of, at random, for tests of pre-training."""

import numpy as np

from lmao.corpus.corpus import Corpus
from lmao.corpus.selection import Selection
from lmao.engine.parameters import Floats
from lmao.objectives.opening import TargetSources


class Means:
    def __init__(self, corpus: Corpus, rows: np.ndarray, table: Floats) -> None:
        self.dims = table.shape[1]
        self._tokens, self._rows, self._table = corpus.tokens, rows, table

    def __call__(self, begins: np.ndarray, lengths: np.ndarray) -> Floats:
        texts = [self._tokens[begin : begin + length] for begin, length in zip(begins, lengths, strict=True)]
        return np.stack([self._table[self._rows[text]].mean(axis=0) for text in texts])


def target_sources(corpus: Corpus, rows: np.ndarray, table: Floats) -> TargetSources:
    """A text's vector is the mean of its words'; a word's head is the one before it."""
    heads = np.full(len(corpus.tokens), -1, dtype=np.int32)
    heads[corpus.offsets[:-1]] = 0
    texts = Selection(corpus, np.arange(len(corpus.parts)))
    return TargetSources(texts, rows, table, lambda of: Means(corpus, rows, table), {None: heads})
