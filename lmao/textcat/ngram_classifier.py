"""The baseline to beat: word n-grams, weighted as the labels choose, and logistic regression."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from lmao.corpus.ngrams import Ids
from lmao.engine.parameters import Floats
from lmao.errors import UserError
from lmao.textcat.folds import Cuts, Doubles, HeldOut, Labels
from lmao.textcat.ngram_features import NgramVocabulary
from lmao.textcat.ngram_weights import AgainstRest, Lexicon, NgramWeights
from lmao.textcat.strength import LEAST, UNSEEN

CHUNK = 2048  # documents predicted at once: bounds memory
SMOOTHING = 0.1  # 1 was never better by more than its error
Weights = tuple[Floats, float]  # an n-gram's weight each (n-grams,), and the bias


@dataclass(frozen=True)
class Setting:
    """n-grams of up to `ngrams` words, their weighting, and C, the inverse strength of the penalty.

    weighting: naive_bayes, the class' log-count ratio; tfidf, the inverse document frequency, texts at length 1.
    """

    weighting: Literal["naive_bayes", "tfidf"]
    ngrams: int
    C: float

    def __str__(self) -> str:
        weighting = {"naive_bayes": "naive Bayes", "tfidf": "TF-IDF"}[self.weighting]
        return f"{weighting} of {'words' if self.ngrams == 1 else f'1 to {self.ngrams} words'} · C {self.C:g}"


# Twenty settings, with both smoothings, more strengths and sublinear counts, were no better than these eight.
SETTINGS = [
    *(Setting("naive_bayes", ngrams, C) for ngrams in (1, 2) for C in (0.1, 1.0)),
    *(Setting("tfidf", ngrams, C) for ngrams in (1, 2) for C in (10.0, 1000.0)),
]


class NgramClassifier:
    """One logistic regression a class against the rest, a single one for two classes; probabilities sum to 1.

    naive_bayes is Wang & Manning (2012): the features are r = log((p / |p|) / (q / |q|)), p and q being how many
    examples of the class and of the others have an n-gram, plus 0.1. tfidf is scikit-learn's, of what is there or not:
    log((1 + documents) / (1 + document frequency)) + 1, divided by the text's length.

    setting: the chosen one; held_out: its answers in cross-validation, calibrated; temperature: what log-probabilities
    are divided by, so that they say how often they are right. They are there after `fit`.
    """

    setting: Setting
    held_out: HeldOut
    temperature: float

    def fit(
        self, documents: Sequence[Ids], labels: Labels, classes: int, cuts: Cuts,
        advance: Callable[[float], None] = lambda regressions: None,
    ) -> None:  # fmt: skip
        """Choose by the log-loss, after a temperature, of held-out examples, and learn from documents (word ids) and
        labels (n,), 0 <= label < classes. `advance` hears of the regressions done, `regressions(labels, cuts)` in all.

        Raises:
            UserError: there is no word.
        """
        vocabulary = NgramVocabulary.build(documents, max(setting.ngrams for setting in SETTINGS), 1)
        features = vocabulary.presence(documents)
        if not features.nnz:
            raise UserError(f"no word is in the {len(documents)} training examples")
        sizes = np.cumsum(vocabulary.sizes)
        tried = {
            setting: _held_out(features[:, : sizes[setting.ngrams - 1]], labels, classes, setting, cuts, advance)
            for setting in SETTINGS
        }
        best = min(tried, key=lambda setting: tried[setting].loss)
        self.setting, self.held_out = best, tried[best].calibrated()
        self.temperature = self.held_out.temperature
        features = features[:, : sizes[best.ngrams - 1]]
        self._classes, self._vocabulary = classes, vocabulary.up_to(best.ngrams)
        self._weights = dict(fit_weights(features, labels, best))
        self._lengths = inverse_frequency(features) if best.weighting == "tfidf" else None

    @property
    def features(self) -> int:
        """How many n-grams it weighs."""
        return sum(self._vocabulary.sizes)

    @property
    def numbers(self) -> int:
        """How many it has learned."""
        return sum(len(weights) + 1 for weights, _ in self._weights.values())

    @property
    def megabytes(self) -> float:
        """Of its weights and its n-grams: a last word each, and, but for words, where those that begin alike end."""
        return (self.numbers + 2 * self.features) * 4 / 1e6

    def predict(self, documents: Sequence[Ids]) -> Floats:
        """(documents, classes) probabilities."""
        chunks = [self._predict(documents[i : i + CHUNK]) for i in range(0, len(documents), CHUNK)]
        return np.concatenate(chunks) if chunks else np.zeros((0, self._classes), np.float32)

    def weights(self, words: Sequence[str]) -> NgramWeights:
        """What it has learned, to be saved. words: the texts' lower-cased forms, by their ids."""
        known, outputs = self._vocabulary, {t: one for t, one in self._weights.items() if len(one[0])}
        listed = [words[word] for word in known.words]
        rest = [target for target in self._weights if target not in outputs]
        return NgramWeights(
            Lexicon(listed, np.arange(len(listed), dtype=np.int32), known.longer), "presence",
            "none" if self._lengths is None else "root", np.stack([weight for weight, _ in outputs.values()], axis=1),
            np.array([bias for _, bias in outputs.values()]), None if self._lengths is None else self._lengths**2,
            AgainstRest([*rest, *outputs], self.temperature), self._classes,
        )  # fmt: skip

    def _predict(self, documents: Sequence[Ids]) -> Floats:
        scores = score(self._vocabulary.presence(documents), self._weights, self._lengths, self._classes)
        probabilities: Floats = np.exp(log_softmax(scores / self.temperature, axis=1)).astype(np.float32)
        return probabilities


def regressions(labels: Labels, cuts: Cuts) -> int:
    """How many `NgramClassifier.fit` makes in cross-validation, which is nearly all that it does."""
    classes = len(np.unique(labels))
    return len(SETTINGS) * (1 if classes == 2 else classes) * sum(map(len, cuts))


def inverse_frequency(features: sparse.csr_array) -> Floats:
    """(n-grams,): log((1 + documents) / (1 + those that have it)) + 1."""
    having = np.asarray(features.sum(axis=0)).ravel()
    return np.asarray(np.log((1 + features.shape[0]) / (1 + having)) + 1, np.float32)


def fit_weights(
    features: sparse.csr_array,
    labels: Labels,
    setting: Setting,
    advance: Callable[[float], None] = lambda regressions: None,
) -> Iterator[tuple[int, Weights]]:
    """Each class' weights for `score`; of two classes the second's alone, and none for the first."""
    present = np.unique(labels)
    if setting.weighting == "tfidf":
        factors = inverse_frequency(features)
        scaled = _at_length_1(features.multiply(factors).tocsr(), features, factors)
    for target in present[1:] if len(present) == 2 else present:
        positive = labels == target
        if setting.weighting == "naive_bayes":
            counts = np.stack([np.asarray(features[mask].sum(axis=0)).ravel() for mask in (positive, ~positive)])
            counts = counts + SMOOTHING
            factors = np.subtract(*np.log(counts / counts.sum(axis=1, keepdims=True))).astype(np.float32)
            scaled = features.multiply(factors).tocsr()
        regression = LogisticRegression(C=setting.C, solver="liblinear", dual=True, max_iter=1000, random_state=0)
        with warnings.catch_warnings():  # weak penalties end before they have converged, and are judged as they are
            warnings.simplefilter("ignore", ConvergenceWarning)
            regression.fit(scaled, positive)
        advance(1.0)
        yield int(target), ((regression.coef_[0] * factors).astype(np.float32), float(regression.intercept_[0]))
    if len(present) == 2:  # the first is what the second is not
        yield int(present[0]), (np.zeros(0, np.float32), 0.0)


def score(features: sparse.csr_array, weights: dict[int, Weights], lengths: Floats | None, classes: int) -> Doubles:
    """(documents, classes) log-probabilities; lengths (n-grams,): what texts' lengths are measured with, if at all."""
    shares = np.full((features.shape[0], classes), UNSEEN)  # float64: many classes may all be very unlikely
    inverse = 1.0 if lengths is None else _inverse_lengths(features, lengths)
    rest = [target for target, (weight, _) in weights.items() if not len(weight)]
    for target, (weight, bias) in weights.items():
        if target not in rest:
            logits = (features @ weight).astype(np.float64) * inverse + bias
            shares[:, target] = expit(logits)
            for other in rest:
                shares[:, other] = expit(-logits)
    shares = np.maximum(shares, LEAST)
    return np.asarray(np.log(shares / shares.sum(axis=1, keepdims=True)))


def _held_out(
    features: sparse.csr_array, labels: Labels, classes: int, setting: Setting, cuts: Cuts,
    advance: Callable[[float], None],
) -> HeldOut:  # fmt: skip
    """Every weighting is learned from the rest of its fold alone."""
    answers = np.full((len(cuts), len(labels), classes), np.nan)
    for number, folds in enumerate(cuts):
        for fold in folds:
            rest = features[fold.rest]
            known = np.flatnonzero(np.asarray(rest.sum(axis=0)).ravel())
            rest, held = rest[:, known], features[fold.held][:, known]
            weights = dict(fit_weights(rest, labels[fold.rest], setting, advance))
            lengths = inverse_frequency(rest) if setting.weighting == "tfidf" else None
            answers[number, fold.held] = score(held, weights, lengths, classes)
    return HeldOut(answers, labels)


def _at_length_1(scaled: sparse.csr_array, features: sparse.csr_array, factors: Floats) -> sparse.csr_array:
    return scaled.multiply(_inverse_lengths(features, factors)[:, None]).tocsr()


def _inverse_lengths(features: sparse.csr_array, factors: Floats) -> NDArray[np.floating]:
    squares = features @ (factors * factors)
    inverse: NDArray[np.floating] = np.where(squares > 0, 1 / np.sqrt(np.maximum(squares, LEAST)), 0)
    return inverse
