"""How strong a logistic regression's penalty is: features and few labels come in, C goes out, chosen on the labels."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from lmao.textcat.folds import Cuts, Doubles, HeldOut, Labels

STEP = 0.5  # between the strengths' decimal logarithms
FIRST = tuple(float(exponent) for exponent in np.arange(-3, 1.1, STEP))
WEAKEST, STRONGEST = -6.0, 4.0  # how far the grid goes on while its end is best
NEAR = 1e-3  # the largest gradient with which a regression that is gone on with may stop,
CONVERGED = 1e-5  # and one that is kept: from nothing, a weak penalty's stops far from its end with the former
NATS = 0.5  # log-losses that differ by less, over all examples, are a tie
UNSEEN = 1e-6  # the probability of a class without examples
LEAST = 1e-12  # probabilities below it count as that


@dataclass(frozen=True)
class Strength:
    """C is the inverse strength of the penalty; at_end: it is the smallest or the largest allowed, which should be
    told: nothing can be learned here, or the features are odd."""

    C: float
    held_out: HeldOut
    at_end: bool


def regression(C: float, tolerance: float = CONVERGED) -> LogisticRegression:
    """L2-regularised and multinomial; it goes on from its last coefficients."""
    return LogisticRegression(C=C, solver="lbfgs", max_iter=1000, tol=tolerance, warm_start=True)


def choose_strength(features: Doubles, labels: Labels, classes: int, cuts: Cuts) -> Strength:
    """C by the log-loss, after a temperature, of held-out examples of features (n, dims); among near ties the largest.

    Plain log-loss takes a penalty that shrinks everything to chance over an over-confident model that is right more
    often; accuracy is too coarse on 100 examples. The loss after one temperature for all held-out examples is neither.
    Whatever is within half a nat of the best, over all n examples, is a tie: a stronger penalty leaves little but the
    bias, which predicts the larger class, while a temperature mends too weak a one. The grid is C = 10^-3 … 10 in half
    powers of ten, for features of unit scale; where its end has the lowest loss it goes on, to 10^-6 or 10^4 at most.
    """
    regressions = [[regression(1.0, NEAR) for _ in folds] for folds in cuts]

    def held_out(C: float) -> HeldOut:
        answers = np.full((len(cuts), len(labels), classes), np.nan)
        for number, folds in enumerate(cuts):
            for one, fold in zip(regressions[number], folds, strict=True):
                one.set_params(C=C).fit(features[fold.rest], labels[fold.rest])  # goes on from the last C
                answers[number, fold.held] = log_probabilities(one, features[fold.held], classes)
        return HeldOut(answers, labels)

    best, found = search(held_out)
    return Strength(10.0**best, found, best in (WEAKEST, STRONGEST))


def search(held_out: Callable[[float], HeldOut]) -> tuple[float, HeldOut]:
    """The best decimal logarithm of C, and what was held out with it."""
    tried = {exponent: held_out(10.0**exponent) for exponent in FIRST}

    def lowest() -> float:
        return min(tried, key=lambda exponent: tried[exponent].loss)

    while lowest() == min(tried) > WEAKEST:
        tried[min(tried) - STEP] = held_out(10.0 ** (min(tried) - STEP))
    while lowest() == max(tried) < STRONGEST:
        tried[max(tried) + STEP] = held_out(10.0 ** (max(tried) + STEP))
    best = tried[lowest()]
    close = best.loss + NATS / len(best.labels)
    chosen = max(exponent for exponent, one in tried.items() if one.loss <= close)
    return chosen, tried[chosen]


def log_probabilities(fitted: LogisticRegression, features: Doubles, classes: int) -> Doubles:
    """(n, classes); a class that was not learned has the probability `UNSEEN`."""
    out = np.full((len(features), classes), UNSEEN)
    out[:, fitted.classes_] = fitted.predict_proba(features)
    return np.asarray(np.log(np.maximum(out, LEAST)))
