"""How few labels are cut for cross-validation, the same for every classifier, and how its answers are judged."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.model_selection import StratifiedKFold

from lmao.corpus.corpus import Corpus
from lmao.data.splits import Examples
from lmao.errors import UserError
from lmao.streams import stream

Numbers = NDArray[np.int64]
Labels = NDArray[np.integer]
Doubles = NDArray[np.float64]

FOLDS = 5
MORE = "add examples, or raise data.train_examples"
ENOUGH = 500  # labels from which one cut is enough
CUTS = 3
HELD_OUT = 2000  # examples from which no more need to be held out
FLATTEST, SHARPEST = np.log(1e-3), np.log(1e3)  # the factors that log-probabilities may be multiplied by


@dataclass(frozen=True)
class Fold:
    """Places among the examples: rest (n,) is learned from, held (m,) then predicted."""

    rest: Numbers
    held: Numbers


Cuts = Sequence[Sequence[Fold]]


@dataclass(frozen=True)
class HeldOut:
    """What models say of examples that they haven't learned from.

    answers (cuts, n, classes): log-probabilities, NaN where an example was not held out; labels (n,); temperature: what
    the models' logits were divided by.
    """

    answers: Doubles
    labels: Labels
    temperature: float = 1.0

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """(cuts, n): what was held out."""
        return ~np.isnan(self.answers[:, :, 0])

    @cached_property
    def loss(self) -> float:
        """The log-loss after one temperature, see `temper`, of all cuts together."""
        return temper(self.answers[self.seen], self.truth)[1]

    @cached_property
    def sharpness(self) -> float:
        """What the models' logits are to be multiplied by, see `calibrate`."""
        return calibrate(self.answers[self.seen], self.truth, int(self.seen.any(axis=0).sum()))

    def calibrated(self) -> "HeldOut":
        """What they say once that is done."""
        return self.sharpened(self.sharpness)

    def sharpened(self, factor: float) -> "HeldOut":
        """What they say once their logits are multiplied by a factor."""
        return HeldOut(log_softmax(factor * self.answers, axis=2), self.labels, self.temperature / factor)

    @cached_property
    def truth(self) -> Labels:
        """The labels of `answers[seen]`."""
        return np.broadcast_to(self.labels, self.seen.shape)[self.seen]

    @cached_property
    def accuracy(self) -> float:
        """The mean over the cuts."""
        return float((self.answers[self.seen].argmax(axis=1) == self.truth).mean())

    @cached_property
    def error(self) -> float:
        """The standard error of the accuracy, see `standard_error`; cuts repeat the examples."""
        return standard_error(self.accuracy, int(self.seen.any(axis=0).sum()))


def cut_texts(corpus: Corpus, examples: Examples, seed: int) -> Cuts:
    """`cut`, by what the examples' texts are: the same for every classifier of a run."""
    return cut(examples.labels, seed, corpus.copies[examples.documents])


def cut(labels: Labels, seed: int, texts: Numbers | None = None) -> Cuts:
    """Stratified folds for labels (n,): each inner list holds every example out once, save the only one of its class.

    texts (n,): which examples are copies of one text; None where all are different. Copies with one label are held out
    together and count as one example: of a text that it has learned, a model knows the label by heart.

    There are 5 folds, fewer only where no class has as many examples, and 3 cuts below 500 labels: one split of 100
    examples says little. Where the labels are many, only as many of the folds are given as hold out 2,000 examples. A
    class with fewer examples than folds is in as many of the folds as it has examples, so each class is always learned
    from.

    Raises:
        UserError: fewer than two classes have examples, or each that has one has only one.
    """
    if texts is not None:
        first, text = _distinct(texts, labels)
        if len(first) < len(labels):
            return [[_with_copies(fold, text) for fold in folds] for folds in cut(labels[first], seed)]
    present, own = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        raise UserError("all training examples have the same label", advice=MORE)
    counts = np.bincount(own)
    if counts.max() < 2:
        raise UserError("no label has two different training examples", advice=MORE)
    lone, several = np.flatnonzero(counts[own] == 1), np.flatnonzero(counts[own] > 1)
    folds = min(FOLDS, int(counts.max()))
    given = slice(-(-HELD_OUT * folds // len(own)))
    return [
        [
            Fold(np.concatenate([several[rest], lone]), several[held])
            for rest, held in _split(own[several], folds, int(stream(seed, "folds", number).integers(1 << 32)))[given]
        ]
        for number in range(1 if len(own) >= ENOUGH else CUTS)
    ]


def _distinct(texts: Numbers, labels: Labels) -> tuple[Numbers, Numbers]:
    """The place of the first example of each text and label, in their order, and of each example the number of its
    text and label among these."""
    _, first, group = np.unique(np.stack([texts, labels]), axis=1, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[group.ravel()]


def _with_copies(fold: Fold, text: Numbers) -> Fold:
    """A fold of distinct texts as one of all examples; text (n,): the number of each example's."""
    return Fold(*(np.flatnonzero(np.isin(text, part)) for part in (fold.rest, fold.held)))


def _split(labels: NDArray[np.intp], folds: int, seed: int) -> list[tuple[Numbers, Numbers]]:
    with warnings.catch_warnings():  # small classes are spread as far as they go
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels))


def temper(log_probabilities: Doubles, labels: Labels) -> tuple[float, float]:
    """The factor of log-probabilities (n, classes) with the lowest log-loss on labels (n,), and that loss.

    One positive number, the inverse temperature of Guo et al. (2017). The factor goes down to 0.001, so the loss never
    is above that of knowing nothing: a judge that forgives over-confidence and counts order and doubt alone.
    """
    rows = np.arange(len(labels))
    return _best_factor(log_probabilities, lambda scaled: -float(scaled[rows, labels].mean()))


def calibrate(log_probabilities: Doubles, labels: Labels, examples: int) -> float:
    """The factor of log-probabilities (n, classes) with which they say how often they are right.

    As `temper`, but as if, of so many distinct examples, one more were right and one more wrong (Platt 1999): without
    it, twenty labels that are all got right would make a model that is never in doubt.
    """
    rows, classes, doubt = np.arange(len(labels)), log_probabilities.shape[1], 1 / (examples + 2)

    def loss(scaled: Doubles) -> float:
        right = scaled[rows, labels]
        wrong = (scaled.sum(axis=1) - right) / (classes - 1)
        return -float(((1 - doubt) * right + doubt * wrong).mean())

    return _best_factor(log_probabilities, loss)[0]


def _best_factor(log_probabilities: Doubles, loss: Callable[[Doubles], float]) -> tuple[float, float]:
    """That with the lowest loss of what it makes of log-probabilities (n, classes), and this loss."""
    found = minimize_scalar(
        lambda log_factor: loss(log_softmax(np.exp(log_factor) * log_probabilities, axis=1)),
        bounds=(FLATTEST, SHARPEST), method="bounded", options={"xatol": 0.01},
    )  # fmt: skip
    return float(np.exp(found.x)), float(found.fun)


def standard_error(accuracy: float, examples: int) -> float:
    """sqrt(p (1 - p) / n) of an accuracy on so many examples.

    p is pulled to a half by one example of each kind (Agresti & Coull 1998): 20 of 20 right is not without error. It is
    the error of the draw of examples alone; folds share their training examples, so the true one is somewhat larger
    (Bengio & Grandvalet 2004).
    """
    p = (accuracy * examples + 1) / (examples + 2)
    return float(np.sqrt(p * (1 - p) / examples))
