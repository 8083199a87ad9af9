"""Which labels may be wrong: what models say of examples that they haven't learned from comes in, an order goes out."""

from dataclasses import dataclass

import numpy as np

from lmao.textcat.folds import Doubles, HeldOut, Labels, Numbers

DOUBTED = 0.05  # the probability below which a label is probably wrong: half are, where one in fifty is


@dataclass(frozen=True)
class Doubts:
    """Of the examples whose label isn't the most likely one, the most doubtful first.

    places (n,): among the examples; others (n,): the likelier label; own, other (n,): the probabilities of both; count:
    how many of them, the first ones, are probably wrong.
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
    return Doubts(places[order], others[order], own[order], other[order], int((own < DOUBTED).sum()))
