"""What accuracies say and what they don't: expected best-of-k, paired differences, and the words for them.

Accuracies are shares (0 to 1) throughout, so 0.005 is half a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln

Floats = NDArray[np.float64]
Verdict = Literal["better", "equivalent", "no evidence"]

LEVEL = 0.05  # of Holm's p
SUPERIORITY = 0.75  # of P(A>B); Bouthillier et al. 2021
EQUIVALENCE = 0.005  # half a point
MOST_FLIPPED = 40  # pairs whose sign flips are counted one by one
CHUNK = 256  # resamples at once: 25 MB at 25,000 examples


def best_of_k(values: Floats) -> Floats:
    """The expected best of k of n independent runs, for k = 1..n, without bias (Dodge et al. 2019, Tang et al. 2020).

    sum over i = k..n of C(i-1, k-1) / C(n, k) * y_(i), with y ascending. Only k <= n/2 is worth a look.
    """
    n = len(values)
    i, k = np.arange(1, n + 1), np.arange(1, n + 1)[:, None]
    with np.errstate(invalid="ignore"):
        weights = np.exp(_log_choose(i - 1, k - 1) - _log_choose(np.full(n, n), k))
    expected: Floats = np.where(i >= k, weights, 0.0) @ np.sort(values)
    return expected


def best_of_k_band(values: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper bounds of the expected best of k, for all k = 1..n at once, whatever the distribution on [0, 1].

    The Dvoretzky-Kiefer-Wolfowitz band holds the distribution function with Massart's constant (1990), and the
    expectation of a maximum is monotone in it. What lies above the best run seen is unknown: the upper bound puts it
    at 1.
    """
    n = len(values)
    width = np.sqrt(np.log(2 / (1 - confidence)) / (2 * n))
    support = np.concatenate([[0.0], np.sort(values), [1.0]])
    shares = np.concatenate([[0.0], np.arange(1, n + 1) / n, [1.0]])
    k = np.arange(1, n + 1)[:, None]
    above, below = np.minimum(shares + width, 1.0), np.maximum(shares - width, 0.0)
    below[-1] = 1.0

    def expectation(distribution: Floats) -> Floats:
        powers = distribution**k
        mean: Floats = np.diff(powers, axis=1, prepend=0.0) @ support
        return mean

    return expectation(above), expectation(below)


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


def smallest_difference(differences: Floats) -> float:
    """The true difference that m such pairs show with 80% power at p < .05: (t_.975 + t_.8) * sd / sqrt(m), m > 1."""
    m = len(differences)
    quantiles = stats.t.ppf(0.975, m - 1) + stats.t.ppf(0.8, m - 1)
    return float(quantiles * differences.std(ddof=1) / np.sqrt(m))


def multi_bootstrap(
    correct: NDArray[np.bool_], judged: NDArray[np.bool_], resamples: int = 10_000, seed: int = 0
) -> Floats:
    """Accuracies of arms under joint resampling of seeds and examples (MultiBERTs, Sellam et al. 2022).

    Each resample draws seeds and, independently, examples, with replacement and alike for all arms: differences of
    columns are paired. An example is a document, and a document that several seeds judge is drawn or left out in all of
    them. So test documents, the same for every seed, are crossed with the seeds as in the paper; development documents,
    drawn again by each seed, share as much as they overlap, and a seed's accuracy is that of its own documents. Within
    a seed all arms must have judged the same ones.

    With 10 seeds the percentile interval is about a fifth narrower than Student's would be: hence Holm's p and P(A>B)
    beside it.

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
    detectable: float

    def reversed(self) -> "Comparison":
        """B against A."""
        (low95, high95), (low90, high90) = self.interval95, self.interval90
        return Comparison(
            self.pairs, -self.difference, (-high95, -low95), (-high90, -low90), self.p, 1 - self.superiority,
            self.detectable,
        )  # fmt: skip


def compare(first: Floats, second: Floats, resampled: Floats) -> Comparison:
    """Compare the accuracies of two arms, (pairs,) each, pairs > 1; `resampled`: bootstrapped mean differences."""
    differences = first - second
    low95, low90, high90, high95 = (float(q) for q in np.quantile(resampled, [0.025, 0.05, 0.95, 0.975]))
    return Comparison(
        pairs=len(differences),
        difference=float(differences.mean()),
        interval95=(low95, high95),
        interval90=(low90, high90),
        p=sign_flip_p(differences),
        superiority=superiority(first, second),
        detectable=smallest_difference(differences),
    )


def verdict(comparison: Comparison, p_holm: float) -> Verdict:
    """The word that was fixed beforehand for A against B."""
    if p_holm < LEVEL and comparison.interval95[0] > 0 and comparison.superiority >= SUPERIORITY:
        return "better"
    if comparison.interval90[0] >= -EQUIVALENCE and comparison.interval90[1] <= EQUIVALENCE:
        return "equivalent"
    return "no evidence"


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
