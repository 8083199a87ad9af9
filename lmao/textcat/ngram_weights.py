"""A trained linear classifier as a weight for each n-gram and class: the form that is saved, and scores new texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, softmax

from lmao.corpus.corpus import Corpus
from lmao.corpus.ngrams import Ids, Ngrams
from lmao.engine.parameters import Floats
from lmao.textcat.folds import Doubles
from lmao.textcat.ngram_features import NgramVocabulary
from lmao.textcat.strength import LEAST, UNSEEN

CHUNK = 2048  # texts scored at once: bounds memory
Counting = Literal["presence", "counts", "log counts"]
Length = Literal["none", "root", "sum", "projection"]


@dataclass(frozen=True)
class Lexicon:
    """n-grams, numbered: words first, then those of 2 words and more, by their numbers (see `Ngrams`).

    words: lower-cased, each once; rows (words,): their numbers, which several may share; longer: from two words on;
    spaces: whether white space may be a word, which else is looked over.
    """

    words: Sequence[str]
    rows: Ids
    longer: Sequence[Ngrams]
    spaces: bool = False

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return dict(zip(self.words, self.rows.tolist(), strict=True))

    @cached_property
    def vocabulary(self) -> NgramVocabulary:
        single = int(self.rows.max()) + 1 if len(self.rows) else 0
        return NgramVocabulary(np.arange(single), list(self.longer))

    @property
    def arrays(self) -> list[NDArray[np.integer]]:
        return [self.rows, *(array for ngrams in self.longer for array in (ngrams.begins, ngrams.lasts))]

    def read(self, corpus: Corpus, numbers: NDArray[np.int64]) -> list[Ids]:
        """The row of each word of documents of a corpus, -1 for those that aren't known."""
        rows = np.array([self._row_of.get(word, -1) for word in corpus.words], dtype=np.int32)
        if self.spaces:
            return [rows[corpus.type_words[corpus.document(number)]] for number in numbers.tolist()]
        return [rows[corpus.word_ids(number)] for number in numbers.tolist()]


@dataclass(frozen=True)
class AgainstRest:
    """Logistic regressions, each of a class against the rest; their probabilities are made to sum to 1.

    targets: the class of each; of two classes there is one regression, that of the second. The classes that are not
    among them had no examples. temperature: what logarithms of the probabilities are divided by at the end.
    """

    targets: Sequence[int]
    temperature: float

    def __call__(self, scores: Doubles, classes: int) -> Doubles:
        """Probabilities (texts, classes) from scores (texts, regressions)."""
        if scores.shape[1] == 1:
            scores = np.concatenate([-scores, scores], axis=1)
        shares = np.full((len(scores), classes), UNSEEN)
        shares[:, list(self.targets)] = expit(scores)
        return np.asarray(softmax(np.log(np.maximum(shares, LEAST)) / self.temperature, axis=1))


@dataclass(frozen=True)
class NgramWeights:
    """scores = values @ weights / length + bias, a text's values being how often it has each n-gram.

    counting: presence, 1 for one that is there; counts; log counts, 1 + log(count). weights (n-grams, outputs), bias
    (outputs,). length, which a text without a known n-gram has not: none, 1; root, the root of values @ measure; sum,
    that of the values; projection, the Euclidean one of values @ measure, and here weights are for that: (dims,
    outputs). measure (n-grams,) or (n-grams, dims).

    rest: None: softmax(scores) are the probabilities; of two classes the second's score alone is there, the first's is
    0. Else the scores are those of logistic regressions, each of a class against the rest.
    """

    lexicon: Lexicon
    counting: Counting
    length: Length
    weights: Floats
    bias: NDArray[np.floating]
    measure: NDArray[np.floating] | None
    rest: AgainstRest | None
    classes: int

    @property
    def megabytes(self) -> float:
        """Of its numbers and words."""
        arrays = [self.weights, self.bias, self.measure, *self.lexicon.arrays]
        listed = sum(len(word.encode()) for word in self.lexicon.words)
        return (listed + sum(array.nbytes for array in arrays if array is not None)) / 1e6

    def predict(self, corpus: Corpus, numbers: NDArray[np.int64]) -> Floats:
        """Probabilities (documents, classes) of documents of a corpus."""
        texts = self.lexicon.read(corpus, numbers)
        blocks = [self._predict(texts[i : i + CHUNK]) for i in range(0, len(texts), CHUNK)]
        return np.concatenate([*blocks, np.zeros((0, self.classes), np.float32)])

    def _predict(self, texts: Sequence[Ids]) -> Floats:
        values = self.lexicon.vocabulary.counts(texts)
        if self.counting == "presence":
            values.data[:] = 1
        elif self.counting == "log counts":
            values.data = 1 + np.log(values.data)
        scores, lengths = self._scores(values)
        scores = np.where(lengths > 0, scores / np.maximum(lengths, LEAST), 0) + self.bias
        probabilities = _with_first(scores) if self.rest is None else self.rest(scores, self.classes)
        return np.asarray(probabilities, np.float32)

    def _scores(self, values: sparse.csr_array) -> tuple[Doubles, Doubles]:
        """(texts, outputs), and what they are divided by, (texts, 1)."""
        if self.length == "projection":
            projected = np.asarray(values @ self.measure, np.float64)
            return projected @ self.weights, np.linalg.norm(projected, axis=1, keepdims=True)
        scores = np.asarray(values @ self.weights, np.float64)
        match self.length:
            case "none":
                return scores, np.ones((values.shape[0], 1))
            case "root":
                return scores, np.sqrt(np.asarray(values @ self.measure, np.float64))[:, None]
            case "sum":
                return scores, np.asarray(values.sum(axis=1), np.float64)[:, None]


def _with_first(scores: Doubles) -> Doubles:
    """Probabilities (n, classes); of scores (n, 1), those of the first class being 0, (n, 2)."""
    if scores.shape[1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    return np.asarray(softmax(scores, axis=1))


def against_first(W: Floats, b: Floats) -> tuple[Floats, Floats]:
    """W (classes, n) and b (classes,) of a softmax as weights (n, outputs) and bias (outputs,) of `NgramWeights`."""
    if len(b) == 2:
        W, b = W[1:] - W[:1], b[1:] - b[:1]
    return np.ascontiguousarray(W.T), b
