"""Gradients against finite differences, and the formulas against what they are said to equal."""

import numpy as np
import pytest
from thinc.api import CosineDistance

from lmao.objectives import OBJECTIVES

LENGTHS = np.array([3, 3, 3, 8, 8])


def draw() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(5, 7)), generator.normal(size=(5, 7))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradient_agrees_with_finite_differences(name: str) -> None:
    prediction, target = draw()
    gradient, _ = OBJECTIVES[name](prediction, target, LENGTHS, 9)
    step = 1e-4
    for place in np.ndindex(*prediction.shape):
        values = []
        for sign in (1, -1):
            moved = prediction.copy()
            moved[place] += sign * step
            values.append(OBJECTIVES[name](moved, target, LENGTHS, 9)[1])
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(gradient[place], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_shares_of_a_batch_add_up(name: str) -> None:
    prediction, target = draw()
    objective = OBJECTIVES[name]
    gradient, loss = objective(prediction, target, LENGTHS, 5)
    parts = [objective(prediction[s], target[s], LENGTHS[s], 5) for s in (slice(0, 2), slice(2, 5))]
    assert sum(part[1] for part in parts) == pytest.approx(loss)
    np.testing.assert_allclose(np.concatenate([part[0] for part in parts]), gradient)


def test_cosine_equals_thinc() -> None:
    prediction, target = (array.astype(np.float32) for array in draw())
    gradient, loss = OBJECTIVES["cosine"](prediction, target, LENGTHS, 5)
    expected_gradient, expected_loss = CosineDistance(normalize=True)(prediction, target)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-7)
    assert loss == pytest.approx(float(expected_loss), rel=1e-6)


def test_l2_is_the_gradient_of_2018() -> None:
    prediction, target = draw()
    gradient, _ = OBJECTIVES["l2"](prediction, target, LENGTHS, 5)
    np.testing.assert_allclose(gradient, (prediction - target) / LENGTHS[:, None], rtol=1e-6)
