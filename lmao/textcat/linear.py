"""The baseline to beat: word n-grams, weighted by naive Bayes, and logistic regression (Wang & Manning 2012)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from lmao.corpus.ngrams import Ids, Integers, Ngrams, find_ngrams, frequent, frequent_ngrams, owners_of
from lmao.errors import UserError

CHUNK = 2048  # documents predicted at once: bounds memory


@dataclass(frozen=True)
class NgramVocabulary:
    """The n-grams of the training documents.

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
            longer.append(frequent_ngrams(first, numbers, offsets, n, (size, len(words)), min_count, by_document=True))
            size, first = len(longer[-1]), find_ngrams(first, numbers, offsets, n, longer[-1])
        return cls(words, longer)

    @property
    def sizes(self) -> list[int]:
        """How many n-grams it has of each length."""
        return [len(self.words), *map(len, self.longer)]

    def features(self, documents: Sequence[Ids]) -> sparse.csr_array:
        """(documents, n-grams) float32: 1 where the document has the n-gram, else 0."""
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
        matrix.data[:] = 1  # an n-gram that comes twice was added up
        return matrix


class NgramClassifier:
    """One naive-Bayes-weighted logistic regression a class against the rest; a single one for two classes."""

    def __init__(self, ngrams: int, min_count: int, smoothing: float, C: float) -> None:
        self.ngrams = ngrams
        self.min_count = min_count
        self.smoothing = smoothing
        self.C = C

    def fit(self, documents: Sequence[Ids], labels: NDArray[np.integer], classes: int) -> None:
        """Learn from documents (word ids) and their labels, 0 <= label < classes. A class without examples scores 0.

        Raises:
            UserError: all examples have one label, or no n-gram is frequent enough.
        """
        present = np.unique(labels)
        if len(present) < 2:
            raise UserError(
                "all training examples have the same label",
                setting="textcat=linear",
                advice="raise data.train_examples",
            )
        self._classes = classes
        self._vocabulary = NgramVocabulary.build(documents, self.ngrams, self.min_count)
        features = self._vocabulary.features(documents)
        if not features.nnz:
            raise UserError(
                f"no word is in {self.min_count} of the {len(documents)} training examples",
                setting="textcat.min_count",
                advice="lower it",
            )
        targets = [1] if classes == 2 else present.tolist()
        self._weights = {target: self._fit_one(features, labels == target) for target in targets}

    @property
    def features(self) -> int:
        """How many n-grams it weighs."""
        return sum(self._vocabulary.sizes)

    def predict(self, documents: Sequence[Ids]) -> NDArray[np.float32]:
        """(documents, classes) probabilities."""
        chunks = [self._predict(documents[i : i + CHUNK]) for i in range(0, len(documents), CHUNK)]
        return np.concatenate(chunks) if chunks else np.zeros((0, self._classes), dtype=np.float32)

    def _fit_one(self, features: sparse.csr_array, positive: NDArray[np.bool_]) -> tuple[NDArray[np.float32], float]:
        counts = np.stack([features[mask].sum(axis=0) for mask in (positive, ~positive)]) + self.smoothing
        ratios = np.subtract(*np.log(counts / counts.sum(axis=1, keepdims=True))).astype(np.float32)
        regression = LogisticRegression(C=self.C, solver="liblinear", dual=True, max_iter=1000, random_state=0)
        regression.fit(features.multiply(ratios).tocsr(), positive)
        return (regression.coef_[0] * ratios).astype(np.float32), float(regression.intercept_[0])

    def _predict(self, documents: Sequence[Ids]) -> NDArray[np.float32]:
        features = self._vocabulary.features(documents)
        scores = np.zeros((len(documents), self._classes))  # float64: many classes may all be very unlikely
        for target, (weights, bias) in self._weights.items():
            scores[:, target] = expit((features @ weights).astype(np.float64) + bias)
        if self._classes == 2:
            scores[:, 0] = 1 - scores[:, 1]
        scores /= scores.sum(axis=1, keepdims=True)
        return scores.astype(np.float32)


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
