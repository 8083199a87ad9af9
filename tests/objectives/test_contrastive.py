"""The softmax over the batch's targets against the plain formula, finite differences and extreme inputs."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax

from lmao.objectives.contrastive import contrastive
from lmao.objectives.targets import Targets
from tests.support.losses import (
    assert_float32_in_and_out_on_any_device,
    assert_gradient_is_that_of_the_value,
    assert_shares_add_up,
    targets,
)

LOSS = partial(contrastive, temperature=0.2)


def draw() -> tuple[Any, Targets]:
    """Six predictions, five candidates: one is the target of two words, the last of none."""
    generator = np.random.default_rng(0)
    candidates: Any = generator.normal(size=(5, 8))
    places = np.array([0, 1, 1, 2, 3, 0])
    return generator.normal(size=(6, 8)), targets(candidates[places], candidates, places)


def test_it_is_the_cross_entropy_of_a_softmax_of_cosines() -> None:
    prediction, wanted = draw()
    units = [array / np.linalg.norm(array, axis=1, keepdims=True) for array in (prediction, wanted.candidates)]
    chances = log_softmax(units[0] @ units[1].T / 0.2, axis=1)[np.arange(6), wanted.places]
    expected = -(chances * wanted.weights).sum() / wanted.total
    assert LOSS(prediction, wanted)[1] == pytest.approx(expected, rel=1e-6)


def test_the_gradient_is_that_of_the_value() -> None:
    assert_gradient_is_that_of_the_value(LOSS, *draw())


def test_shares_of_a_batch_add_up_on_any_device() -> None:
    """The second share has candidates that only the first one wants."""
    assert_shares_add_up(LOSS, *draw())
    assert_float32_in_and_out_on_any_device(LOSS, *draw())


def test_the_right_direction_costs_nothing_and_a_guess_costs_the_logarithm_of_their_number() -> None:
    right = np.eye(4, dtype=np.float32)
    wanted = targets(right, right)
    share = wanted.weights.sum() / wanted.total
    assert contrastive(right, wanted, 0.05)[1] == pytest.approx(0, abs=1e-6)
    assert contrastive(np.ones_like(right), wanted, 0.05)[1] == pytest.approx(np.log(4) * share, rel=1e-6)


def test_lengths_do_not_count() -> None:
    prediction, wanted = draw()
    lengths: Any = np.linspace(0.1, 9, 5)[:, None]
    longer = replace(wanted, candidates=wanted.candidates * lengths)
    assert LOSS(7 * prediction, longer)[1] == pytest.approx(LOSS(prediction, wanted)[1])


def test_a_lone_candidate_teaches_nothing() -> None:
    same = np.ones((3, 4), dtype=np.float32)
    gradient, value = LOSS(2 * same, targets(same, same[:1], np.zeros(3, dtype=np.int64)))
    assert value == pytest.approx(0)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


@pytest.mark.parametrize("scale", [0, 1e-30, 1e-8, 1e15])
@pytest.mark.parametrize("temperature", [1e-3, 1e3])
def test_extreme_inputs_are_finite_and_silent(scale: float, temperature: float) -> None:
    """Opposite candidates at a temperature that no exponential of single precision bears."""
    candidates = np.array([[1, 0], [-1, 0], [0, 1]], dtype=np.float32)
    prediction = np.float32(scale) * np.array([[1, 0], [1, 0], [0, -1]], dtype=np.float32)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        gradient, value = contrastive(prediction, targets(candidates), temperature)
    assert np.isfinite(gradient).all()
    assert np.isfinite(value)
