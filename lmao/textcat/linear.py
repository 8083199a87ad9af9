"""The baseline to beat: word n-grams, weighted by naive Bayes, and logistic regression (Wang & Manning 2012)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from lmao.errors import UserError

Words = NDArray[np.int32]
Integers = NDArray[np.int64]

CHUNK = 2048  # documents predicted at once: bounds memory


@dataclass(frozen=True)
class NgramVocabulary:
    """For each n, the n-grams of the training documents as sorted keys.

    The key of a word is its id; that of a longer n-gram is (position of its first n - 1 words among their keys) *
    (number of words) + (position of its last word). That is exact and fits an int64 for every n, where ids could not.
    """

    keys: list[Integers]

    @classmethod
    def build(cls, documents: Sequence[Words], ngrams: int, min_count: int) -> "NgramVocabulary":
        """The n-grams of up to `ngrams` words that are in at least `min_count` documents."""
        words, rows = _concatenate(documents)
        known = [_frequent(words, rows, min_count)]
        last = first = _positions(known[0], words)
        for n in range(2, ngrams + 1):
            keys = _join(first, last, rows, n, len(known[0]))
            known.append(_frequent(keys, rows, min_count))
            first = _positions(known[-1], keys)
        return cls(known)

    def features(self, documents: Sequence[Words]) -> sparse.csr_array:
        """(documents, n-grams) float32: 1 where the document has the n-gram, else 0."""
        words, rows = _concatenate(documents)
        last = first = _positions(self.keys[0], words)
        columns = [first]
        for n, known in enumerate(self.keys[1:], start=2):
            first = _positions(known, _join(first, last, rows, n, len(self.keys[0])))
            columns.append(first)
        sizes = [len(known) for known in self.keys]
        offsets = np.cumsum([0, *sizes])
        row = np.concatenate([rows[: len(column)][column >= 0] for column in columns])
        column = np.concatenate([c[c >= 0] + offset for c, offset in zip(columns, offsets[:-1], strict=True)])
        ones = np.ones(len(row), dtype=np.float32)
        indices = row.astype(np.int32), column.astype(np.int32)  # liblinear takes no others
        matrix = sparse.csr_array((ones, indices), shape=(len(documents), offsets[-1]))
        matrix.data[:] = 1  # an n-gram that comes twice was added up
        return matrix


class NgramClassifier:
    """One naive-Bayes-weighted logistic regression a class against the rest; a single one for two classes."""

    def __init__(self, ngrams: int, min_count: int, smoothing: float, C: float) -> None:
        self.ngrams = ngrams
        self.min_count = min_count
        self.smoothing = smoothing
        self.C = C

    def fit(self, documents: Sequence[Words], labels: NDArray[np.integer], classes: int) -> None:
        """Learn from documents (word ids) and their labels, 0 <= label < classes. A class without examples scores 0.

        Raises:
            UserError: all examples have one label, or no n-gram is frequent enough.
        """
        present = np.unique(labels)
        if len(present) < 2:
            raise UserError("textcat=linear: all training examples have the same label: raise data.train_examples")
        self._classes = classes
        self._vocabulary = NgramVocabulary.build(documents, self.ngrams, self.min_count)
        features = self._vocabulary.features(documents)
        if not features.nnz:
            raise UserError(
                f"textcat.min_count: no word is in {self.min_count} of the {len(documents)} training examples: lower it"
            )
        targets = [1] if classes == 2 else present.tolist()
        self._weights = {target: self._fit_one(features, labels == target) for target in targets}

    @property
    def features(self) -> int:
        """How many n-grams it weighs."""
        return sum(len(keys) for keys in self._vocabulary.keys)

    def predict(self, documents: Sequence[Words]) -> NDArray[np.float32]:
        """(documents, classes) probabilities."""
        chunks = [self._predict(documents[i : i + CHUNK]) for i in range(0, len(documents), CHUNK)]
        return np.concatenate(chunks) if chunks else np.zeros((0, self._classes), dtype=np.float32)

    def _fit_one(self, features: sparse.csr_array, positive: NDArray[np.bool_]) -> tuple[NDArray[np.float32], float]:
        counts = np.stack([features[mask].sum(axis=0) for mask in (positive, ~positive)]) + self.smoothing
        ratios = np.subtract(*np.log(counts / counts.sum(axis=1, keepdims=True))).astype(np.float32)
        regression = LogisticRegression(C=self.C, solver="liblinear", dual=True, max_iter=1000, random_state=0)
        regression.fit(features.multiply(ratios).tocsr(), positive)
        return (regression.coef_[0] * ratios).astype(np.float32), float(regression.intercept_[0])

    def _predict(self, documents: Sequence[Words]) -> NDArray[np.float32]:
        features = self._vocabulary.features(documents)
        scores = np.zeros((len(documents), self._classes))  # float64: many classes may all be very unlikely
        for target, (weights, bias) in self._weights.items():
            scores[:, target] = expit((features @ weights).astype(np.float64) + bias)
        if self._classes == 2:
            scores[:, 0] = 1 - scores[:, 1]
        scores /= scores.sum(axis=1, keepdims=True)
        return scores.astype(np.float32)


def _concatenate(documents: Sequence[Words]) -> tuple[Integers, Integers]:
    lengths = [len(document) for document in documents]
    words = np.concatenate([*documents, np.zeros(0, dtype=np.int32)])
    return words.astype(np.int64), np.repeat(np.arange(len(documents)), lengths)


def _join(first: Integers, last: Integers, rows: Integers, n: int, words: int) -> Integers:
    """The key of the n-gram that starts at each word; -1 where it crosses a document's end or has an unknown part."""
    size = max(0, len(last) - n + 1)
    first, last = first[:size], last[n - 1 :]
    whole = (rows[:size] == rows[n - 1 :]) & (first >= 0) & (last >= 0)
    return np.where(whole, first * words + last, -1)


def _frequent(keys: Integers, rows: Integers, min_count: int) -> Integers:
    known, positions = np.unique(keys, return_inverse=True)
    documents = int(rows[-1]) + 1 if len(rows) else 1
    pairs = np.unique(positions * documents + rows[: len(keys)])
    return known[(np.bincount(pairs // documents, minlength=len(known)) >= min_count) & (known >= 0)]


def _positions(known: Integers, keys: Integers) -> Integers:
    """Where each key is among the known ones (sorted); -1 for the others."""
    if not len(known):
        return np.full(len(keys), -1)
    positions = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[positions] == keys, positions, -1)
