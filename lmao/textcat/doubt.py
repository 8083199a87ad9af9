"""Which labels may be wrong: what models say of examples that they haven't learned from comes in, an order goes out."""

from dataclasses import dataclass

import numpy as np

from lmao.textcat.folds import Doubles, HeldOut, Labels, Numbers

WRONG = 0.02  # the share of labels that are wrong, before anything is known of them


@dataclass(frozen=True)
class Doubts:
    """Of the examples whose label isn't the most likely one, the most doubtful first.

    places (n,): among the examples; others (n,): the likelier label; own, other (n,): the probabilities of both; count:
    how many of them, the first ones, are more probably wrong than right, see `doubted`.
    """

    places: Numbers
    others: Labels
    own: Doubles
    other: Doubles
    count: int


def doubts(held_out: HeldOut) -> Doubts:
    """By the probability of the label, as calibrated models see it that have not learned from the example; with
    several cuts the mean of theirs. Examples that were never held out are in no doubt.
    """
    places = np.flatnonzero(held_out.seen.any(axis=0))
    labels = held_out.labels[places]
    scores = np.nanmean(np.exp(held_out.answers[:, places]), axis=0)
    rows = np.arange(len(places))
    own, others = scores[rows, labels], scores.argmax(axis=1)
    other = scores[rows, others]
    order = np.argsort(own, kind="stable")
    order = order[others[order] != labels[order]]
    count = int((own[order] < doubted(scores.shape[1])).sum())
    return Doubts(places[order], others[order], own[order], other[order], count)


def doubted(classes: int) -> float:
    """The probability at which a label is as probably wrong as right, by Bayes.

    Where one label in fifty is wrong, and another than the true one is given by chance, each label has a probability of
    0.02 / (classes - 1) for that alone. Twice as much is half of it wrong, half of it true.
    """
    return 2 * WRONG / (classes - 1)
