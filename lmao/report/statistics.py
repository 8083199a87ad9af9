"""What accuracies say and what they don't: expected best-of-k, paired differences, and the words for them.

Accuracies are shares (0 to 1) throughout, so 0.005 is half a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import betaincinv, gammaln

Floats = NDArray[np.float64]
Verdict = Literal["better", "equivalent", "no evidence"]

LEVEL = 0.05  # of Holm's p
POWER = 0.8  # of the smallest difference that pairs can show
SUPERIORITY = 0.75  # of P(A>B); Bouthillier et al. 2021
EQUIVALENCE = 0.005  # half a point
MOST_FLIPPED = 40  # pairs whose sign flips are counted one by one
MOST_SIMULATED = 12  # pairs whose power is simulated: with more of them p has steps too small to matter
CHUNK = 256  # resamples at once: 25 MB at 25,000 examples
ROUNDING = 1e-9  # less is not a difference


def best_of_k(values: Floats) -> Floats:
    """The expected best of k of n independent runs, for k = 1..n, without bias (Dodge et al. 2019, Tang et al. 2020).

    sum over i = k..n of C(i-1, k-1) / C(n, k) * y_(i), with y ascending. Only k <= n/2 is worth a look.
    """
    expected: Floats = _best_of_k_weights(len(values)) @ np.sort(values)
    return expected


@dataclass(frozen=True)
class BestComparison:
    """The expected best of k of one search less that of another over the same draws, at k = 1..n/2 of n draws."""

    draws: int
    above: int  # of these draws: in which the first has the better value
    difference: Floats
    margin: Floats  # half the width of its 95% interval
    p: Floats  # two-sided, adjusted for all k together

    def times(self, factor: float) -> "BestComparison":
        """With p adjusted for other comparisons, too."""
        return replace(self, p=np.minimum(self.p * factor, 1.0))


def compare_best(first: Floats, second: Floats, resamples: int = 10_000, seed: int = 0) -> BestComparison:
    """Compare what two searches made of the same n > 3 draws of settings and seeds, (n,) each.

    p: were the searches alike, each draw's two values might as well be the other way round. So swaps are drawn, and the
    largest of a swap's differences, each divided by its standard deviation over all swaps, is what a difference is
    compared with (Westfall & Young's single-step maxT, 1993; counted with the observed one, Phipson & Smyth 2010).

    The interval is that of swaps once the mean difference is taken out. With 50 draws it held the difference in 93 of
    100 simulated samples or more at k <= 7, in 89 or more at k = 25.
    """
    n = len(first)
    weights = _best_of_k_weights(n)[: n // 2]

    def swapped(one: Floats, other: Floats) -> Floats:
        rng = np.random.default_rng(seed)
        parts = []
        for start in range(0, resamples, CHUNK):
            swap = rng.random((min(CHUNK, resamples - start), n)) < 0.5
            high, low = np.where(swap, other, one), np.where(swap, one, other)
            parts.append((np.sort(high, axis=1) - np.sort(low, axis=1)) @ weights.T)
        return np.concatenate(parts)

    difference: Floats = weights @ (np.sort(first) - np.sort(second))
    found = swapped(first, second)
    scale = np.maximum(found.std(axis=0), ROUNDING)
    largest = np.sort((np.abs(found) / scale).max(axis=1))
    reached = len(largest) - np.searchsorted(largest, np.abs(difference) / scale - ROUNDING)
    centred = swapped(first - (first - second).mean(), second)
    margin: Floats = np.quantile(np.abs(centred), 0.95, axis=0)
    return BestComparison(n, int((first > second).sum()), difference, margin, (1 + reached) / (1 + resamples))


def t_interval(values: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean of n > 1 values."""
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
    return float(interval.low), float(interval.high)


def sign_flip_p(differences: Floats) -> float:
    """Two-sided p of "each paired difference might as well have the other sign", from all 2^m sign flips.

    Sums of the two halves' flips are sorted and counted against each other, so that 30 pairs take milliseconds. Above
    40 pairs the flips' normal limit stands in.
    """
    observed = abs(float(differences.sum()))
    if len(differences) > MOST_FLIPPED:
        scale = float(np.sqrt((differences**2).sum()))
        return float(2 * stats.norm.sf(observed / scale)) if scale else 1.0
    middle = len(differences) // 2
    left, right = _flipped_sums(differences[:middle]), np.sort(_flipped_sums(differences[middle:]))
    reached = observed - 1e-9 * max(1.0, observed)  # a tie may differ in its last bits
    above = len(right) - np.searchsorted(right, reached - left, side="left")
    below = np.searchsorted(right, -reached - left, side="right")
    return min(1.0, float((above + below).sum()) / 2.0 ** len(differences))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number, in the order given (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(p) for p in adjusted]


def superiority(first: Floats, second: Floats) -> float:
    """P(A>B): the share of pairs that the first wins, a tie counting as half (Bouthillier et al. 2021)."""
    return float((first > second).mean() + 0.5 * (first == second).mean())


def smallest_difference(differences: Floats, comparisons: int = 1) -> float:
    """The true difference that m > 1 such pairs call *better* with 80% power, at Holm's strictest level, the
    differences being normal with the standard deviation that these have; infinite where m pairs can show none.
    """
    m = len(differences)
    deviations = _simulated_power(m, comparisons) if m <= MOST_SIMULATED else _students_power(m, comparisons)
    return float(differences.std(ddof=1)) * deviations


def multi_bootstrap(
    correct: NDArray[np.bool_], judged: NDArray[np.bool_], resamples: int = 10_000, seed: int = 0
) -> Floats:
    """Accuracies of arms under joint resampling of seeds and examples (MultiBERTs, Sellam et al. 2022).

    Each resample draws seeds and, independently, examples, with replacement and alike for all arms: differences of
    columns are paired. An example is a document, and a document that several seeds judge is drawn or left out in all of
    them. So test documents, the same for every seed, are crossed with the seeds as in the paper; development documents,
    drawn again by each seed, share as much as they overlap, and a seed's accuracy is that of its own documents. Within
    a seed all arms must have judged the same ones.

    Args:
        correct: (arms, seeds, examples); ignored where not judged.
        judged: (seeds, examples).
    Returns: (resamples, arms).
    """
    arms, seeds, examples = correct.shape
    rng = np.random.default_rng(seed)
    right = (correct & judged).reshape(arms * seeds, examples).T.astype(np.float32)
    there = judged.T.astype(np.float32)
    result = np.empty((resamples, arms))
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        counts = _draws(rng, size, examples).astype(np.float32)
        accuracies = (counts @ right).reshape(size, arms, seeds) / np.maximum(counts @ there, 1.0)[:, None, :]
        weights = _draws(rng, size, seeds) / seeds
        result[start : start + size] = np.einsum("ras,rs->ra", accuracies, weights)
    return result


@dataclass(frozen=True)
class Comparison:
    """A against B over paired seeds; the intervals are those of the mean difference A - B."""

    pairs: int
    difference: float
    interval95: tuple[float, float]
    interval90: tuple[float, float]
    p: float  # not yet Holm's
    superiority: float
    detectable: float  # infinite where these pairs can show nothing

    def reversed(self) -> "Comparison":
        """B against A."""
        (low95, high95), (low90, high90) = self.interval95, self.interval90
        return Comparison(
            self.pairs, -self.difference, (-high95, -low95), (-high90, -low90), self.p, 1 - self.superiority,
            self.detectable,
        )  # fmt: skip


def compare(first: Floats, second: Floats, resampled: Floats, comparisons: int = 1) -> Comparison:
    """Compare the accuracies of two arms, (pairs,) each, pairs > 1; `resampled`: bootstrapped mean differences;
    `comparisons`: how many the table has.

    The bootstrap's intervals are widened as Student's are: over 10 seeds alone they hold the mean in 90 of 100 samples,
    not in 95, over 3 in 75 (Hesterberg 2015).
    """
    differences = first - second
    low95, high95 = _interval(resampled, len(differences), 0.95)
    low90, high90 = _interval(resampled, len(differences), 0.90)
    return Comparison(
        pairs=len(differences),
        difference=float(differences.mean()),
        interval95=(low95, high95),
        interval90=(low90, high90),
        p=sign_flip_p(differences),
        superiority=superiority(first, second),
        detectable=smallest_difference(differences, comparisons),
    )


def verdict(comparison: Comparison, p_holm: float) -> Verdict:
    """The word that was fixed beforehand for A against B."""
    if p_holm < LEVEL and comparison.interval95[0] > 0 and comparison.superiority >= SUPERIORITY:
        return "better"
    if comparison.interval90[0] >= -EQUIVALENCE and comparison.interval90[1] <= EQUIVALENCE:
        return "equivalent"
    return "no evidence"


@cache
def _simulated_power(m: int, comparisons: int, samples: int = 2000) -> float:
    """`smallest_difference` in standard deviations, from simulated samples: so few pairs have few possible p."""
    if 2.0 ** (1 - m) * comparisons >= LEVEL:
        return float("inf")
    noise = np.random.default_rng(0).standard_normal((m, samples))
    flips = 1.0 - 2.0 * ((np.arange(2 ** (m - 1))[:, None] >> np.arange(m)) & 1)  # the last sign stays: p is two-sided
    flipped, moved = flips @ noise, flips.sum(axis=1)[:, None]
    margin = stats.t.ppf(1 - LEVEL / 2, m - 1) * noise.std(axis=0, ddof=1) / np.sqrt(m)

    def power(mean: float) -> float:
        sums = flipped + mean * moved
        p = (np.abs(sums) >= np.abs(sums[0]) - ROUNDING).mean(axis=0)
        wins = (noise + mean > 0).mean(axis=0)
        better = (p * comparisons < LEVEL) & (noise.mean(axis=0) + mean > margin) & (wins >= SUPERIORITY)
        return float(better.mean())

    low, high = 0.0, 16.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def _students_power(m: int, comparisons: int) -> float:
    """The same of many pairs. The larger of two: what shows, (t_(1 - .025 / comparisons) + t_.8) / sqrt(m); and what
    wins so many pairs that P(A>B) reaches its bound, for which more pairs don't make up."""
    quantiles = stats.t.ppf(1 - LEVEL / 2 / comparisons, m - 1) + stats.t.ppf(POWER, m - 1)
    wins = np.ceil(SUPERIORITY * m)
    won = stats.norm.ppf(betaincinv(wins, m - wins + 1, POWER))  # of each pair, for so many of them to be won
    return float(max(quantiles / np.sqrt(m), won))


def _interval(resampled: Floats, pairs: int, confidence: float) -> tuple[float, float]:
    tails = np.array([0.5 - confidence / 2, 0.5 + confidence / 2])
    wider = stats.t.ppf(tails[1], pairs - 1) / stats.norm.ppf(tails[1]) * np.sqrt(pairs / (pairs - 1))
    centre = resampled.mean()
    low, high = centre + wider * (np.quantile(resampled, tails) - centre)
    return float(low), float(high)


def _best_of_k_weights(n: int) -> Floats:
    """(k, i): the chance that the i-th of n ascending values is the best of k drawn from them."""
    i, k = np.arange(1, n + 1), np.arange(1, n + 1)[:, None]
    with np.errstate(invalid="ignore"):
        weights: Floats = np.where(i >= k, np.exp(_log_choose(i - 1, k - 1) - _log_choose(np.full(n, n), k)), 0.0)
    return weights


def _log_choose(n: NDArray[np.int64], k: NDArray[np.int64]) -> Floats:
    choose: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return choose


def _flipped_sums(differences: Floats) -> Floats:
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    return sums


def _draws(rng: np.random.Generator, rows: int, size: int) -> NDArray[np.int64]:
    """(rows, size): how often each of `size` things comes in a sample of as many, with replacement."""
    drawn = rng.integers(size, size=(rows, size))
    drawn += np.arange(rows)[:, None] * size
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
