"""The linear probe: features of texts and few labels in, a softmax layer out, its strength chosen on those labels."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from lmao.engine.parameters import Floats
from lmao.errors import UserError
from lmao.streams import stream

STRENGTHS = tuple(float(C) for C in 10.0 ** np.arange(-5, 4.1, 0.5))
FOLDS = 5
WORSE = 2  # strengths in a row that must be worse before weaker penalties, the slow ones, are given up
UNSEEN = np.float32(10)  # how far a class without examples stays below the lowest score there is, in logits


@dataclass(frozen=True)
class Probe:
    """softmax(features @ W.T + b) are the probabilities: W (classes, dims), b (classes,).

    C is the inverse strength of the penalty on centred features of unit scale; accuracy the cross-validated one at it.
    """

    W: Floats
    b: Floats
    C: float
    accuracy: float

    def behind(self, W: Floats, b: Floats) -> "Probe":
        """The same probabilities from what W (dims, inputs) and b (dims,) make this one's features of."""
        return replace(self, W=self.W @ W, b=self.b + self.W @ b)

    def predict(self, features: Floats) -> Floats:
        """Probabilities (n, classes) for features (n, dims)."""
        scores: Floats = features @ self.W.T + self.b
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores


def fit_probe(features: Floats, labels: NDArray[np.integer], classes: int, seed: int) -> Probe:
    """L2-regularised multinomial logistic regression on features (n, dims) and labels (n,), 0 <= label < classes.

    C is the one with the lowest log-loss in a stratified cross-validation, with at most 5 folds, and as many as the
    smallest class of two or more examples has; the only example of a class is always learned from. The features are
    centred and divided by one scale, the root of their mean variance, and W and b contain that. A class without
    examples scores lowest.

    Raises:
        UserError: fewer than two classes have examples, or each that has one has only one.
    """
    present, own = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        raise UserError("data.train_examples: all training examples have the same label: raise it")
    mean = features.mean(axis=0, dtype=np.float64)
    scaled = features - mean
    scale = float(np.sqrt((scaled * scaled).mean())) or 1.0
    scaled /= scale
    C, accuracy = _cross_validate(scaled, own, seed)
    regression = _regression(C).fit(scaled, own)
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(present) == 2:  # one row, for the second against the first
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    W = np.zeros((classes, features.shape[1]), dtype=np.float32)
    W[present] = coefficients / scale
    b = np.zeros(classes, dtype=np.float32)
    b[present] = intercepts - coefficients @ mean / scale
    unseen = np.setdiff1d(np.arange(classes), present)
    if len(unseen):
        b[unseen] = (scaled @ coefficients.T + intercepts).min() - UNSEEN
    return Probe(W, b, C, accuracy)


def _regression(C: float) -> LogisticRegression:
    return LogisticRegression(C=C, solver="lbfgs", max_iter=1000, warm_start=True)


def _cross_validate(features: NDArray[np.float64], labels: NDArray[np.intp], seed: int) -> tuple[float, float]:
    """The best C and its accuracy; labels are 0 … classes - 1, each of them there."""
    counts = np.bincount(labels)
    lone = np.flatnonzero(counts[labels] == 1)
    several = np.flatnonzero(counts[labels] > 1)
    if not len(several):
        raise UserError("data.train_examples: no label has two training examples: raise it")
    folds = min(FOLDS, int(counts[counts > 1].min()))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=int(stream(seed, "probe").integers(1 << 32)))
    parts = [
        (np.concatenate([several[rest], lone]), several[held])
        for rest, held in splitter.split(several, labels[several])
    ]
    regressions = [_regression(1.0) for _ in parts]
    best = (np.inf, STRENGTHS[0], 0.0)
    worse = 0
    for C in STRENGTHS:
        loss, right = 0.0, 0
        for regression, (rest, held) in zip(regressions, parts, strict=True):
            regression.set_params(C=C).fit(features[rest], labels[rest])  # goes on from the stronger penalty
            scores = regression.predict_log_proba(features[held])
            loss -= float(scores[np.arange(len(held)), labels[held]].sum())
            right += int((scores.argmax(axis=1) == labels[held]).sum())
        worse = 0 if loss < best[0] else worse + 1
        if loss < best[0]:
            best = (loss, C, right / len(several))
        elif worse == WORSE:
            break
    return best[1:]
