"""Which texts to label next: probabilities and features come in, the places of some of them go out."""

from collections.abc import Callable
from itertools import chain, zip_longest

import numpy as np

from lmao.engine.parameters import Floats
from lmao.streams import stream
from lmao.textcat.folds import Doubles, Numbers

CANDIDATES = 10  # times as many unsure texts as are taken of them,
UNSURE = 0.25  # of all texts at most


def choose(scores: Floats, features_of: Callable[[Numbers], Floats], wanted: int, seed: int) -> Numbers:
    """Places (wanted,) of texts with scores (n, classes): in turn one that the classifier is unsure of, and one drawn.

    The unsure ones are unlike each other, by the features (some, dims) of the candidates. Half are drawn by chance:
    labels of unsure texts alone are no fair sample, and where the classifier is weak it learned less from these than
    from as many random ones.
    """
    half = wanted - wanted // 2
    candidates = unsure(scores)[: max(half, min(CANDIDATES * half, int(UNSURE * len(scores))))]
    picked = candidates[spread_out(features_of(candidates).astype(np.float64), half, seed)]
    rest = np.setdiff1d(np.arange(len(scores)), picked)
    drawn = stream(seed, "suggest").permutation(rest)[: wanted - len(picked)]
    turns = chain.from_iterable(zip_longest(picked.tolist(), drawn.tolist()))
    return np.array([place for place in turns if place is not None], dtype=np.int64)


def unsure(scores: Floats) -> Numbers:
    """The order of scores (n, classes), the least margin between the two likeliest classes first."""
    likeliest = np.sort(scores, axis=1)[:, -2:]
    order: Numbers = np.argsort(likeliest[:, 1] - likeliest[:, 0], kind="stable")
    return order


def spread_out(points: Doubles, wanted: int, seed: int) -> Numbers:
    """Places (wanted,) of points (n, dims) that lie apart; the first is always among them.

    Each is drawn in proportion to the squared distance from those before it: k-means++ (Arthur & Vassilvitskii 2007).
    """
    random, nearest = stream(seed, "spread out"), np.full(len(points), np.inf)
    chosen: list[int] = []
    while len(chosen) < min(wanted, len(points)):
        share = nearest if chosen else np.eye(1, len(points))[0]
        if not share.any():  # all others are copies
            share = (~np.isin(np.arange(len(points)), chosen)).astype(float)
        chosen.append(int(random.choice(len(points), p=share / share.sum())))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen] = 0
    return np.array(chosen, dtype=np.int64)
