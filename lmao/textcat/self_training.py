"""Self-training: a probe and raw texts come in, a probe that has learned from its own soft labels of these goes out.

Xie et al. (2020), with the labels' class shares kept, as in "distribution alignment" (Berthelot et al. 2020), which is
what stops it from collapsing.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from lmao.engine.parameters import Floats
from lmao.textcat.folds import Cuts, Doubles, HeldOut, Labels, Numbers, temper
from lmao.textcat.probe import Probe, Scaling, softmax_layer
from lmao.textcat.strength import Strength, log_probabilities, regression

SHARPER = 4.0  # what calibrated log-probabilities are multiplied by: labels just as soft teach what is known already
KEPT = 0.5  # of the texts of each predicted class, the most confident
BELIEVED = 25  # examples' worth of belief in equal classes: the class shares of a few labels are mostly luck
PASSES = 10
NEGLIGIBLE = 0.02  # a soft label below it is left out


def self_trained(features: Floats, labels: Labels, raw: Floats, probe: Probe, cuts: Cuts) -> Probe:
    """A probe that has learned from features (n, dims) with labels, and from raw ones (m, dims) with those that
    `probe`, fit on the former, gives them. In cross-validation both steps are taken without what is held out.

    Raw features must have been made without labels, and from all the texts at once.
    """
    classes, scaling = len(probe.b), Scaling.of(features)
    scaled, others = scaling(features), scaling(raw)
    factor = temper(probe.held_out.answers[probe.held_out.seen], probe.held_out.truth)[0]

    def learn(places: Numbers) -> LogisticRegression:
        base = regression(probe.C).fit(scaled[places], labels[places])
        calibrated = log_softmax(factor * log_probabilities(base, others, classes), axis=1)
        return learn_soft_labels(scaled[places], labels[places], others, calibrated, probe.C)

    answers = np.full((len(cuts), len(labels), classes), np.nan)
    for number, folds in enumerate(cuts):
        for fold in folds:
            answers[number, fold.held] = log_probabilities(learn(fold.rest), scaled[fold.held], classes)
    W, b = softmax_layer(learn(np.arange(len(labels))), scaling, scaled, classes)
    return Probe(W, b, Strength(probe.C, HeldOut(answers, labels), at_end=False))


def learn_soft_labels(
    features: Doubles, labels: Labels, raw: Doubles, log_probabilities: Doubles, C: float
) -> LogisticRegression:
    """Logistic regression on labelled features (n, dims), and on raw ones (m, dims) with labels made for them.

    log_probabilities (m, classes) are the calibrated ones of the model trained on the labels with strength C. They are
    sharpened, brought to the labels' class shares, and of each class the surer half is kept. The true labels weigh as
    much as all the raw texts, and C goes down by the growth in weight, so that the penalty stays what it was against
    the data.
    """
    present, counts = np.unique(labels, return_counts=True)
    shares = (counts + BELIEVED / len(present)) / (counts.sum() + BELIEVED)
    soft = aligned(log_probabilities[:, present] * SHARPER, shares)
    kept = surest(soft)
    rows, targets = np.nonzero(soft[kept] > NEGLIGIBLE)
    own = max(1.0, len(kept) / len(labels))
    weight = np.concatenate([soft[kept][rows, targets], np.full(len(labels), own)])
    fitted = regression(C * len(labels) / (len(kept) + own * len(labels)))
    return fitted.fit(
        np.concatenate([raw[kept][rows], features]), np.concatenate([present[targets], labels]), sample_weight=weight
    )


def aligned(log_probabilities: Doubles, shares: Doubles) -> Doubles:
    """Probabilities (m, classes) whose mean is near shares (classes,): columns and rows are scaled in turn (Sinkhorn &
    Knopp 1967)."""
    soft = np.exp(log_softmax(log_probabilities, axis=1))
    for _ in range(PASSES):
        soft *= shares / np.maximum(soft.mean(axis=0), 1e-12)
        soft /= soft.sum(axis=1, keepdims=True)
    return np.asarray(soft)


def surest(soft: Doubles) -> NDArray[np.int64]:
    """The texts (rows) of the surer half of each predicted class, at least one of each that is predicted."""
    predicted, confidence = soft.argmax(axis=1), soft.max(axis=1)
    parts = []
    for target in np.unique(predicted):
        own = np.flatnonzero(predicted == target)
        order = own[np.argsort(-confidence[own], kind="stable")]
        parts.append(order[: max(1, int(KEPT * len(own)))])
    return np.sort(np.concatenate(parts))
