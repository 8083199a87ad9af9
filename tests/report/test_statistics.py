"""Every estimator against brute force, a hand example or a simulation."""

from dataclasses import asdict
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from lmao.report.statistics import (
    Comparison,
    best_of_k,
    compare,
    compare_best,
    holm,
    multi_bootstrap,
    sign_flip_p,
    smallest_difference,
    superiority,
    t_interval,
    verdict,
)


def test_expected_best_of_k_is_the_mean_over_all_choices_of_k_runs() -> None:
    values = np.array([0.81, 0.5, 0.86, 0.86, 0.83, 0.79])
    enumerated = [np.mean([max(chosen) for chosen in combinations(values, k)]) for k in range(1, 7)]
    np.testing.assert_allclose(best_of_k(values), enumerated, rtol=1e-12)


def test_expected_best_of_k_stays_exact_for_thousands_of_runs() -> None:
    expected = best_of_k(np.arange(3000) / 3000)
    assert expected[0] == pytest.approx(np.mean(np.arange(3000) / 3000))
    assert expected[-1] == pytest.approx(2999 / 3000)
    assert (np.diff(expected) > 0).all()


def paired(rng: np.random.Generator, draws: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Two searches over the same draws, which explain most of their accuracies: what real ones are like."""
    settings = 0.82 - rng.gamma(2.0, 0.015, draws)
    first, second = rng.normal(0.0, 0.003, (2, draws)) + settings
    return first + gain, second


def test_searches_are_compared_by_all_swaps_of_their_draws() -> None:
    first, second = paired(np.random.default_rng(0), 8, 0.004)
    found = compare_best(first, second, resamples=20_000)

    def differences(high: np.ndarray, low: np.ndarray) -> np.ndarray:
        return (best_of_k(high) - best_of_k(low))[:4]

    np.testing.assert_allclose(found.difference, differences(first, second))
    swaps = np.array(list(product((True, False), repeat=8)))
    swapped = np.array([differences(np.where(s, first, second), np.where(s, second, first)) for s in swaps])
    scale = swapped.std(axis=0)
    largest = (np.abs(swapped) / scale).max(axis=1)
    expected = [(largest >= t - 1e-9).mean() for t in np.abs(found.difference) / scale]
    np.testing.assert_allclose(found.p, expected, atol=0.015)
    assert min(expected) < 0.05 < max(expected)


def test_alike_searches_differ_by_luck_in_one_of_twenty_and_unlike_ones_nearly_always() -> None:
    rng = np.random.default_rng(0)
    p = [[compare_best(*paired(rng, 30, gain), resamples=300).p.min() for _ in range(150)] for gain in (0.0, 0.006)]
    by_luck, found = (np.array(p) < 0.05).mean(axis=1)
    assert 0.01 <= by_luck <= 0.1
    assert found > 0.95


def test_intervals_of_the_best_of_k_hold_its_difference_and_are_the_draws_own() -> None:
    rng = np.random.default_rng(0)
    held = np.zeros(15)
    for _ in range(150):
        found = compare_best(*paired(rng, 30, 0.006), resamples=300)
        held += np.abs(found.difference - 0.006) <= found.margin
    assert (held[:5] / 150 >= 0.88).all()
    assert (held / 150 >= 0.8).all()
    first, second = paired(rng, 30, 0.0)
    unpaired = compare_best(first, rng.permutation(second), resamples=300)
    assert compare_best(first, second, resamples=300).margin[0] < 0.3 * unpaired.margin[0]


def test_equal_searches_do_not_differ() -> None:
    values = np.array([0.8, 0.7, 0.9, 0.8])
    found = compare_best(values, values)
    assert not found.difference.any()
    assert (found.p == 1.0).all()
    assert (found.times(3.0).p == 1.0).all()


@pytest.mark.parametrize(
    "differences", [[0.3, -0.1, 0.2, 0.5, 0.4], [0.1, 0.2, 0.3, -0.1, -0.3], [0.0, 0.0, 0.1, 0, 0]]
)
def test_sign_flip_p_counts_the_flips_that_reach_the_sum(differences: list[float]) -> None:
    tenths = np.rint(10 * np.array(differences)).astype(int)  # so that ties are ties
    sums = [abs(sum(sign * d for sign, d in zip(signs, tenths, strict=True))) for signs in product((1, -1), repeat=5)]
    expected = np.mean([total >= abs(sum(tenths)) for total in sums])
    assert sign_flip_p(np.array(differences)) == pytest.approx(expected)


@pytest.mark.parametrize(("pairs", "smallest"), [(5, 0.0625), (6, 0.03125), (8, 0.0078125), (10, 0.001953125)])
def test_the_smallest_p_that_so_many_pairs_can_reach(pairs: int, smallest: float) -> None:
    assert sign_flip_p(np.arange(1, pairs + 1) / 1000) == pytest.approx(smallest)


def test_sign_flip_p_of_many_pairs_is_scipys() -> None:
    differences = np.random.default_rng(3).normal(0.001, 0.004, 12)
    exact = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(differences) == pytest.approx(exact.pvalue)


def test_sign_flip_p_goes_over_into_its_limit() -> None:
    differences = np.random.default_rng(3).normal(0.001, 0.004, 40)
    nothing_more = np.append(differences, 1e-12)
    assert sign_flip_p(differences) == pytest.approx(sign_flip_p(nothing_more), rel=0.05)
    assert sign_flip_p(np.zeros(41)) == 1.0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_a_tie_is_half_a_win() -> None:
    assert superiority(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0.8, 0.8, 0.8, 0.5])) == 0.625


def test_student_by_hand() -> None:
    values = np.array([0.80, 0.82, 0.84])  # sd 0.02, t_.975 with 2 degrees of freedom 4.3027
    assert t_interval(values) == pytest.approx((0.82 - 4.3027 * 0.02 / 3**0.5, 0.82 + 4.3027 * 0.02 / 3**0.5), abs=1e-6)
    many = np.tile([0.0, 1.0], 7)  # sd 0.51887; t_.99975 with 13 degrees of freedom 4.5975, t_.8 0.8702
    assert smallest_difference(many, 100) == pytest.approx((4.5975 + 0.8702) * 0.51887 / 14**0.5, rel=1e-4)


def test_pairs_too_few_for_any_p_can_show_nothing() -> None:
    assert smallest_difference(np.array([0.80, 0.82, 0.84])) == np.inf
    assert smallest_difference(np.arange(8.0), comparisons=6) < np.inf == smallest_difference(np.arange(8.0), 7)


@pytest.mark.parametrize(("seeds", "comparisons"), [(6, 1), (8, 6), (10, 1), (10, 12), (12, 12), (14, 12), (30, 9)])
def test_the_smallest_difference_is_found_to_be_better_in_80_of_100_samples(seeds: int, comparisons: int) -> None:
    rng = np.random.default_rng(0)
    true = smallest_difference(rng.permutation(stats.norm.ppf((np.arange(seeds) + 0.5) / seeds)), comparisons)
    true /= float(stats.norm.ppf((np.arange(seeds) + 0.5) / seeds).std(ddof=1))
    found = 0
    for differences in rng.normal(true, 1.0, (600, seeds)):
        p = min(1.0, comparisons * sign_flip_p(differences))
        found += verdict(comparison(low=0.001, wins=superiority(differences, np.zeros(seeds))), p) == "better"
    assert 0.74 <= found / 600 <= 0.9


def test_intervals_of_few_seeds_are_as_wide_as_students() -> None:
    rng = np.random.default_rng(0)
    differences = rng.normal(0.01, 0.01, 5)
    resampled = differences[rng.integers(5, size=(100_000, 5))].mean(axis=1)
    found = compare(differences, np.zeros(5), resampled)
    low, high = t_interval(differences)
    assert found.interval95[1] - found.interval95[0] == pytest.approx(high - low, rel=0.06)
    assert found.interval90[0] > found.interval95[0]


def test_arms_that_judge_alike_differ_in_no_resample() -> None:
    correct = np.random.default_rng(0).random((1, 5, 200)) < 0.8
    resampled = multi_bootstrap(np.concatenate([correct, correct]), np.ones((5, 200), dtype=np.bool_), 500)
    assert (resampled[:, 0] == resampled[:, 1]).all()
    assert resampled[:, 0].std() > 0


def test_the_bootstrap_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    correct, judged = rng.random((2, 4, 60)) < 0.7, rng.random((4, 60)) < 0.6
    loop = []
    for _ in range(4000):
        seeds, examples = rng.integers(4, size=4), rng.integers(60, size=60)
        taken = judged[np.ix_(seeds, examples)]
        right = correct[:, seeds][:, :, examples] & taken
        first, second = (right.sum(axis=2) / taken.sum(axis=1)).mean(axis=1)
        loop.append(first - second)
    resampled = multi_bootstrap(correct, judged, 4000)
    quantiles = [0.025, 0.25, 0.5, 0.75, 0.975]
    ours = np.quantile(resampled[:, 0] - resampled[:, 1], quantiles)
    np.testing.assert_allclose(ours, np.quantile(loop, quantiles), atol=0.01)


def test_what_was_not_judged_does_not_count() -> None:
    rng = np.random.default_rng(0)
    correct, judged = rng.random((2, 3, 50)) < 0.7, rng.random((3, 50)) < 0.5
    assert (multi_bootstrap(correct, judged, 50) == multi_bootstrap(correct & judged, judged, 50)).all()
    assert (multi_bootstrap(correct | ~judged, judged, 50) == multi_bootstrap(correct, judged, 50)).all()


def test_intervals_hold_the_true_difference_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    true = (0.22**2 - 0.20**2) / (2 * 0.7 * 0.3)  # 0.02, of the shares of two summed uniforms below 0.80 and 0.78
    held = 0
    for _ in range(150):
        hard = rng.random(300)  # of the examples, alike for both arms
        luck = rng.normal(0.0, 0.02, (2, 20, 1))  # of the seeds
        skill = np.array([0.80, 0.78])[:, None, None]
        correct = 0.7 * hard + 0.3 * rng.random((2, 20, 300)) < skill + luck
        resampled = multi_bootstrap(correct, np.ones((20, 300), dtype=np.bool_), 400)
        low, high = np.quantile(resampled[:, 0] - resampled[:, 1], [0.025, 0.975])
        held += bool(low <= true <= high)
    assert 0.88 <= held / 150 <= 0.99


def comparison(difference: float = 0.01, low: float = 0.001, wins: float = 0.9) -> Comparison:
    return Comparison(10, difference, (low, 0.02), (low + 0.001, 0.019), 0.002, wins, 0.008)


@pytest.mark.parametrize(
    ("found", "p", "word"),
    [
        (comparison(), 0.049, "better"),
        (comparison(), 0.05, "no evidence"),
        (comparison(low=0.0), 0.01, "no evidence"),
        (comparison(wins=0.75), 0.01, "better"),
        (comparison(wins=0.74), 0.01, "no evidence"),
        (Comparison(10, 0.0, (-0.009, 0.009), (-0.005, 0.005), 0.9, 0.5, 0.01), 0.9, "equivalent"),
        (Comparison(10, 0.0, (-0.009, 0.009), (-0.0051, 0.005), 0.9, 0.5, 0.01), 0.9, "no evidence"),
        (Comparison(10, 0.0, (-0.009, 0.009), (-0.005, 0.0051), 0.9, 0.5, 0.01), 0.9, "no evidence"),
        (Comparison(10, 0.002, (0.001, 0.003), (0.001, 0.003), 0.002, 1.0, 0.001), 0.01, "better"),
    ],
)
def test_the_words_change_where_they_were_fixed(found: Comparison, p: float, word: str) -> None:
    assert verdict(found, p) == word


def test_a_clear_gain_is_better_and_its_reverse_is_not() -> None:
    rng = np.random.default_rng(0)
    correct = rng.random((2, 10, 4000)) < np.array([0.87, 0.84])[:, None, None]
    resampled = multi_bootstrap(correct, np.ones((10, 4000), dtype=np.bool_), 1000)
    first, second = correct.mean(axis=2)
    found = compare(first, second, resampled[:, 0] - resampled[:, 1])
    assert found.difference == pytest.approx(0.03, abs=0.005)
    assert verdict(found, found.p) == "better"
    assert verdict(found.reversed(), found.p) == "no evidence"
    reverse = compare(second, first, resampled[:, 1] - resampled[:, 0])
    assert asdict(found.reversed()) == {name: pytest.approx(value) for name, value in asdict(reverse).items()}
