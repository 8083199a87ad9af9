"""Vectors of texts and a probe on them, as a weight for each n-gram and class: both are linear."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.ngrams import Ngrams
from lmao.corpus.selection import Selection
from lmao.engine.parameters import Floats
from lmao.textcat.ngram_weights import Lexicon, NgramWeights, against_first
from lmao.textcat.probe import Probe
from lmao.vectors.document_training import NgramTable
from lmao.vectors.lookup import TypeVectors
from lmao.vectors.table import StaticVectors
from lmao.vectors.texts import scales, shares_of_rows

ROWS_AT_ONCE = 65_536
Features = Literal["mean", "document"]


@dataclass(frozen=True)
class SubwordWeights:
    """A probe on vectors of texts from a table of subwords, which has a vector for every word: there is no end of them.

    W (classes, dims), b (classes,); words and shares (words,): how often each occurred in the texts that were trained
    on; None with features=mean, where it doesn't matter.
    """

    features: Features
    W: Floats
    b: Floats
    words: Sequence[str]
    shares: NDArray[np.float64] | None

    @property
    def megabytes(self) -> float:
        """Of its numbers and words, without the table."""
        numbers = self.W.nbytes + self.b.nbytes + (0 if self.shares is None else self.shares.nbytes)
        return (numbers + sum(len(word.encode()) for word in self.words)) / 1e6

    def predict(self, vectors: TypeVectors, numbers: NDArray[np.int64]) -> Floats:
        """Probabilities (documents, classes) of documents of the corpus that the vectors are of."""
        corpus = vectors.corpus
        rows = np.full(len(corpus.words), -1, dtype=np.int32)
        rows[corpus.type_words] = vectors.rows
        known = np.flatnonzero(rows >= 0)
        table = vectors.vectors[rows[known]]
        lexicon = _lexicon([corpus.words[word] for word in known.tolist()], np.arange(len(known)), [], self.features)
        shares = None
        if self.shares is not None:
            share_of = dict(zip(self.words, self.shares.tolist(), strict=True))
            shares = [np.array([share_of.get(word, 0.0) for word in lexicon.words])]
        return _weights(lexicon, [table], shares, self.W, self.b).predict(corpus, numbers)


def vector_weights(
    features: Features, trained_on: Selection, vectors: StaticVectors, probe: Probe
) -> NgramWeights | SubwordWeights:
    """What a probe on such vectors of texts has learned, see `document_vectors` and `mean_vectors`, to be saved."""
    corpus = trained_on.corpus
    if vectors.floret is not None:
        if features == "mean":
            return SubwordWeights(features, probe.W, probe.b, [], None)
        shares = shares_of_rows(trained_on, np.arange(len(corpus.words)), len(corpus.words))
        seen = np.flatnonzero(shares)
        return SubwordWeights(features, probe.W, probe.b, [corpus.words[word] for word in seen.tolist()], shares[seen])
    table = vectors.entry.array("table")
    words, rows = vectors.words, vectors.entry.array("rows")
    if features == "document" and vectors.name == "document":
        ngrams = NgramTable.of(vectors)
        lexicon = _lexicon(words, rows, ngrams.known, features)
        return _weights(lexicon, ngrams.tables, ngrams.shares, probe.W, probe.b)
    lexicon = _lexicon(words, rows, [], features)
    if features == "mean":
        return _weights(lexicon, [table], None, probe.W, probe.b)
    of_rows = shares_of_rows(trained_on, vectors.rows_of(corpus.words), len(table))
    return _weights(lexicon, [table], [of_rows], probe.W, probe.b)


def _lexicon(words: Sequence[str], rows: NDArray[np.integer], longer: Sequence[Ngrams], features: Features) -> Lexicon:
    return Lexicon(words, rows.astype(np.int32), longer, spaces=features == "mean")


def _weights(
    lexicon: Lexicon, tables: Sequence[Floats], shares: Sequence[NDArray[np.floating]] | None, W: Floats, b: Floats
) -> NgramWeights:
    """tables: by the n-grams' length; shares: of each row, None for the mean of the tokens' vectors as they are."""
    W, bias = against_first(W, b)
    if shares is None:
        return NgramWeights(lexicon, "counts", "sum", _times(tables[0], W), bias, None, None, len(b))
    factors = np.concatenate([scales(np.asarray(one), share) for one, share in zip(tables, shares, strict=True)])
    weights = np.concatenate([_times(one, W) for one in tables]) * factors[:, None]
    measure = (factors != 0).astype(np.uint8)
    return NgramWeights(lexicon, "presence", "root", weights, bias, measure, None, len(b))


def _times(table: Floats, W: Floats) -> Floats:
    """table @ W, which may be a memory map."""
    blocks = [table[start : start + ROWS_AT_ONCE] @ W for start in range(0, len(table), ROWS_AT_ONCE)]
    return np.concatenate([*blocks, np.zeros((0, W.shape[1]), np.float32)])
