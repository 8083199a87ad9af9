"""Several classifiers are made one: their answers to held-out examples come in, weights go out, and what to expect."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from lmao.engine.parameters import Floats
from lmao.streams import stream
from lmao.textcat.folds import FOLDS, Doubles, HeldOut, Labels, Numbers, standard_error, temper

STEPS = 10  # a classifier's share is a multiple of a tenth; 20 and 50 steps, and the exact optimum, were no better
HEAD_START = 10  # labels; so much is known beforehand
TINY = np.float32(1e-30)  # a probability below it counts as that
Mask = NDArray[np.bool_]
Choice = tuple[Doubles, Doubles]  # shares and inverse temperatures, (arms,) each


@dataclass(frozen=True)
class Arm:
    """A classifier in a combination.

    stand_in: another arm, by its place, which answers in the combination for examples that this one didn't hold out.
    """

    held_out: HeldOut
    stand_in: int | None = None


@dataclass(frozen=True)
class Score:
    """An accuracy and its standard error."""

    accuracy: float
    error: float

    def __str__(self) -> str:
        return f"{self.accuracy:.3f} ± {self.error:.3f}"


@dataclass(frozen=True)
class Combination:
    """softmax(sum over arms a of weights[a] * log p_a) are the probabilities: a weighted product of experts.

    shares (arms,) >= 0 sum to 1; weights (arms,) are the shares times each arm's inverse temperature, and that of the
    mean, which is less sure than its arms. losses (arms,): the log-loss of each alone, after a temperature, and arms:
    its score; together: that of the combination. All are estimates from the same examples. held_out: what the
    combination, with the stand-ins, says of them by shares chosen without them.
    """

    shares: Doubles
    weights: Doubles
    losses: Doubles
    arms: Sequence[Score]
    together: Score
    held_out: HeldOut

    def predict(self, arms: Sequence[Floats]) -> Floats:
        """(n, classes) probabilities from those of each arm."""
        return product(self.weights, arms)


def product(weights: Sequence[float] | Doubles, arms: Sequence[Floats]) -> Floats:
    """(n, classes): the weighted product of experts' probabilities (n, classes)."""
    logits = np.zeros(arms[0].shape)
    for weight, arm in zip(weights, arms, strict=True):
        logits += weight * np.log(np.maximum(arm, TINY))
    probabilities: Floats = np.exp(log_softmax(logits, axis=1)).astype(np.float32)
    return probabilities


def head_start(labels: int) -> int:
    """How many of ten takings are the favourite's beforehand: 5 with 10 labels, 3 with 20, none from 91 on."""
    return STEPS * HEAD_START // (labels + HEAD_START)


def combine(arms: Sequence[Arm], seed: int, favourite: int | None = None) -> Combination:
    """Shares of arms from what they say of examples that they haven't learned from.

    Each arm's log-probabilities are multiplied by its inverse temperature, see `folds.temper`, and then, ten times, the
    arm is taken (again) that lowers the log-loss of the taken ones' mean the most: greedy ensemble selection (Caruana
    et al. 2004) on a logarithmic opinion pool (Heskes 1998). An arm that is far worse is never taken, and of arms that
    are nearly as good several are. Plain averages, and logistic regression on the arms' logits, lost up to 10 and 14
    points where one arm is far ahead and labels are few.

    favourite: the arm, by its place, that is likely to be the best before any label is looked at. The fewer the labels,
    the less their choice is worth, and the more of the ten takings are the favourite's, see `head_start`.

    An arm that costs much may have held out a part of the examples alone. Then the mean over all of them is estimated
    with its stand-in, and the mean of what the arm itself changes, on its part, is added: the difference estimator
    (Särndal et al. 1992), which has no bias, and less error the more alike the two are.

    What is expected of the combination is measured by shares chosen without the examples that they are measured on.
    """
    answers = _Answers.of(arms)
    n = len(answers.labels)
    everything, folds = np.ones(n, dtype=bool), stream(seed, "combination").permutation(n) % FOLDS
    start = np.zeros(len(arms))
    if favourite is not None:
        start[favourite] = head_start(n)
    chosen = _choose(answers, everything, start)
    apart = [(_choose(answers, folds != fold, start), folds == fold) for fold in range(FOLDS)]
    with_stand_ins, own = (HeldOut(scores, answers.labels) for scores in answers.joined(apart))
    single = [(one, chosen[1]) for one in np.eye(len(arms))]
    return Combination(
        shares=chosen[0],
        weights=chosen[0] * chosen[1] * own.sharpness,
        losses=np.array([_loss(answers, one, everything) for one in single]),
        arms=[_Tally.of(answers, [(one, everything)]).score(answers) for one in single],
        together=_Tally.of(answers, apart).score(answers),
        held_out=with_stand_ins.sharpened(own.sharpness),
    )


@dataclass(frozen=True)
class _Answers:
    """Of all arms, by example.

    own (arms, cuts, n, classes): log-probabilities; asked (arms,): which arm is asked where the difference isn't known,
    the arm itself or its stand-in. seen (cuts, n): what the arms without stand-ins have held out; both (cuts, n): what
    those with one have, too, all False where there is none. labels (n,).
    """

    own: Doubles
    asked: Numbers
    seen: Mask
    both: Mask
    labels: Labels

    @classmethod
    def of(cls, arms: Sequence[Arm]) -> "_Answers":
        found = [arm.held_out.answers for arm in arms]
        own = np.full((len(arms), max(map(len, found)), *found[0].shape[1:]), np.nan)
        for place, one in enumerate(found):
            own[place, : len(one)] = one
        known = ~np.isnan(own[..., 0])
        asked = np.array([place if arm.stand_in is None else arm.stand_in for place, arm in enumerate(arms)])
        partial = asked != np.arange(len(arms))
        seen = known[~partial].all(axis=0)
        return cls(own, asked, seen, seen & known.all(axis=0) & partial.any(), arms[0].held_out.labels)

    def estimate(self, values: Doubles, differences: Doubles, examples: Mask) -> float:
        """The mean of values (cuts, n) over the examples, and of differences (cuts, n) where there are any."""
        seen, both = self.seen & examples, self.both & examples
        return sum(float(of[some].mean()) for of, some in ((values, seen), (differences, both)) if some.any())

    def scores(self, choice: Choice) -> tuple[Doubles, Doubles]:
        """(cuts, n, classes) of the combination, with the stand-ins, and with the arms themselves; NaN where an arm
        that has a share has no answer."""
        shares, factors = choice
        some = np.flatnonzero(shares)
        asked = self.asked[some]
        return (
            np.tensordot(shares[some] * factors[asked], self.own[asked], 1),
            np.tensordot(shares[some] * factors[some], self.own[some], 1),
        )

    def joined(self, choices: Sequence[tuple[Choice, Mask]]) -> tuple[Doubles, Doubles]:
        """The scores of several choices, each of its own examples."""
        joined = np.full((2, *self.own.shape[1:]), np.nan)
        for choice, examples in choices:
            joined[:, :, examples] = np.stack(self.scores(choice))[:, :, examples]
        return joined[0], joined[1]


def _choose(answers: _Answers, examples: Mask, start: Doubles) -> Choice:
    """By the log-loss of the examples; start (arms,): how often each arm has been taken before."""
    arms = len(answers.asked)
    factors = np.ones(arms)
    for place, one in enumerate(answers.own):
        held_out = HeldOut(one[:, examples], answers.labels[examples])
        if held_out.seen.any():
            factors[place] = temper(held_out.answers[held_out.seen], held_out.truth)[0]
    taken = start.copy()
    for step in range(int(start.sum()) + 1, STEPS + 1):
        losses = [_loss(answers, ((taken + arm) / step, factors), examples) for arm in np.eye(arms)]
        taken[int(np.argmin(losses))] += 1
    return taken / STEPS, factors


def _loss(answers: _Answers, choice: Choice, examples: Mask) -> float:
    rows = np.arange(len(answers.labels))
    values, own = (-log_softmax(scores, axis=2)[:, rows, answers.labels] for scores in answers.scores(choice))
    return answers.estimate(values, own - values, examples)


@dataclass(frozen=True)
class _Tally:
    """right, own (cuts, n): 1 where the example is got right with the stand-ins, and with the arms themselves."""

    right: Doubles
    own: Doubles

    @classmethod
    def of(cls, answers: _Answers, choices: Sequence[tuple[Choice, Mask]]) -> "_Tally":
        """choices: each with the examples that it is measured on."""
        hits = [np.nan_to_num(scores).argmax(axis=2) == answers.labels for scores in answers.joined(choices)]
        return cls(*np.array(hits, dtype=float))

    def score(self, answers: _Answers) -> Score:
        differences = self.own - self.right
        accuracy = answers.estimate(self.right, differences, np.ones(len(answers.labels), dtype=bool))
        accuracy = min(1.0, max(0.0, accuracy))
        error = standard_error(accuracy, int(answers.seen.any(axis=0).sum()))
        if answers.both.any():
            differing = differences[answers.both]
            error = float(np.hypot(error, differing.std() / np.sqrt(len(differing))))
        return Score(accuracy, error)
