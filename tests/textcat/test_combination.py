"""Several classifiers made one, by their answers to held-out examples."""

import numpy as np
import pytest
from scipy.special import log_softmax

from lmao.textcat.combination import Arm, combine
from lmao.textcat.folds import HeldOut

Answers = np.ndarray


def opinions(n: int, strengths: list[float], seed: int) -> tuple[list[Answers], np.ndarray]:
    """Independent ones, as log-probabilities, on labels; each is five times too sure of itself."""
    random = np.random.default_rng(seed)
    labels = random.integers(3, size=n)
    truth = np.eye(3)[labels]
    return [5 * log_softmax(s * (s * truth + random.normal(size=(n, 3))), axis=1) for s in strengths], labels


def arms(answers: list[Answers], labels: np.ndarray) -> list[Arm]:
    return [Arm(HeldOut(one[None], labels)) for one in answers]


def accuracy(scores: Answers, labels: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == labels).mean())


def test_independent_arms_are_better_together_as_was_foretold() -> None:
    few, labels = opinions(200, [1, 1], 0)
    many, truth = opinions(5000, [1, 1], 1)
    combination = combine(arms(few, labels), 0)
    together = accuracy(combination.predict([np.exp(one) for one in many]), truth)
    assert together > max(accuracy(one, truth) for one in many) + 0.05
    assert abs(combination.together.accuracy - together) < 3 * combination.together.error
    for score, one in zip(combination.arms, many, strict=True):
        assert abs(score.accuracy - accuracy(one, truth)) < 3 * score.error


def test_hopeless_arms_are_left_out() -> None:
    few, labels = opinions(200, [2, 0, 0], 0)
    many, truth = opinions(5000, [2, 0, 0], 1)
    combination = combine(arms(few, labels), 0)
    assert combination.shares[0] >= 0.8
    assert combination.shares.sum() == pytest.approx(1)
    together = accuracy(combination.predict([np.exp(one) for one in many]), truth)
    assert together > accuracy(many[0], truth) - 0.015


@pytest.mark.parametrize(("n", "least"), [(20, 0.3), (90, 0.1), (91, 0)])
def test_the_fewer_the_labels_the_more_is_the_favourites(n: int, least: float) -> None:
    few, labels = opinions(n, [3, 0.2], 0)
    assert combine(arms(few, labels), 0).shares.tolist() == [1, 0]
    shares = combine(arms(few, labels), 0, favourite=1).shares
    assert shares.tolist() == pytest.approx([1 - least, least])


def test_a_single_arm_is_only_calibrated() -> None:
    few, labels = opinions(500, [1.5], 0)
    combination = combine(arms(few, labels), 0)
    assert combination.shares.tolist() == [1]
    assert abs(combination.weights[0] - 0.2) < 0.05
    probabilities = combination.predict([np.exp(few[0])])
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert combination.together == combination.arms[0]


def test_what_is_foretold_of_the_combination_is_not_flattered_by_its_choice() -> None:
    """Ten arms that know nothing: whichever is chosen looks good on the examples that it was chosen by."""
    foretold = []
    for seed in range(16):
        random = np.random.default_rng(seed)
        noise, labels = log_softmax(random.normal(size=(10, 60, 3)), axis=2), random.integers(3, size=60)
        foretold.append(combine(arms(list(noise), labels), seed).together.accuracy)
    assert abs(np.mean(foretold) - 1 / 3) < 0.05


def partial(answers: Answers, labels: np.ndarray, count: int) -> HeldOut:
    """Only the first were held out."""
    some = answers.copy()
    some[count:] = np.nan
    return HeldOut(some[None], labels)


@pytest.mark.parametrize(("gain", "taken"), [(1.0, True), (-1.0, False)])
def test_an_arm_that_held_out_a_part_is_judged_by_what_it_changes_there(gain: float, taken: bool) -> None:
    [start, other], labels = opinions(600, [1.5, 1.5], 0)
    changed = start + 5 * gain * np.eye(3)[labels]
    tuned = Arm(partial(changed, labels, 150), stand_in=0)
    combination = combine([*arms([start, other], labels), tuned], 0)
    assert (combination.shares[2] > combination.shares[0]) == taken
    difference = combination.arms[2].accuracy - combination.arms[0].accuracy
    here = accuracy(changed[:150], labels[:150]) - accuracy(start[:150], labels[:150])
    assert difference == pytest.approx(here)
    assert combination.arms[2].error > combination.arms[1].error  # fewer examples, a larger error


def test_a_part_says_the_same_as_the_whole_would_within_its_error() -> None:
    [start, other], labels = opinions(600, [1.5, 1.0], 0)
    changed = start + 2 * np.eye(3)[labels]
    part, whole = (
        combine([*arms([start, other], labels), Arm(partial(changed, labels, count), stand_in=0)], 0)
        for count in (150, 600)
    )
    assert whole.arms[2].accuracy == pytest.approx(accuracy(changed, labels))
    assert abs(part.arms[2].accuracy - whole.arms[2].accuracy) < 3 * part.arms[2].error
    assert abs(part.together.accuracy - whole.together.accuracy) < 3 * part.together.error
