"""The von Mises-Fisher loss against exact sums, integrals over the sphere, and finite differences."""

from decimal import Decimal, localcontext
from functools import partial

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from lmao.objectives.vmf import SERIES, log_normalizer, vmf
from tests.support.losses import (
    assert_float32_in_and_out_on_any_device,
    assert_gradient_is_that_of_the_value,
    assert_shares_add_up,
    targets,
)

LOSS = partial(vmf, length_penalty=0.02, alignment=0.1)


def exact(k: float, dims: int) -> tuple[float, float]:
    """log of Σ_j (k²/4)^j / (j! (dims/2)_j), the value, and the like series of dims + 2 divided by it, the slope."""
    with localcontext() as context:
        context.prec = 40
        quarter, half = Decimal(k) ** 2 / 4, Decimal(dims) / 2
        sums = []
        for order in (half, half + 1):
            term = total = Decimal(1)
            j = 0
            while term > total * Decimal("1e-25"):
                j += 1
                term *= quarter / (j * (order + j - 1))
                total += term
            sums.append(total)
        return float(sums[0].ln()), float(sums[1] / sums[0])


@pytest.mark.parametrize("dims", [1, 2, 7, 20, 50, 51, 96, 300])
def test_the_normaliser_has_the_accuracy_it_states(dims: int) -> None:
    lengths = np.array([1e-3, 0.1, 1, 5, 20, 60, 300, 2000])
    value, slope = log_normalizer(lengths**2, dims)
    expected = np.array([exact(k, dims) for k in lengths])
    np.testing.assert_allclose(value, expected[:, 0], rtol=2e-7)
    np.testing.assert_allclose(slope, expected[:, 1], rtol=2e-7)


def test_the_expansion_ends_in_stirlings_series() -> None:
    """Where k is 0, all that is left of I_v is 1 / Γ(v+1), whose logarithm has these terms."""
    assert [sum(row) for row in SERIES] == pytest.approx([-1 / 12, 0, 1 / 360], abs=1e-15)


@pytest.mark.parametrize("dims", [20, 50, 300])
def test_the_normaliser_is_scipys_where_that_does_not_underflow(dims: int) -> None:
    lengths = np.array([50.0, 1e3, 1e4])
    order = dims / 2 - 1
    logarithm = np.log(ive(order, lengths)) + lengths - order * np.log(lengths)
    value, slope = log_normalizer(lengths**2, dims)
    np.testing.assert_allclose(np.diff(value), np.diff(logarithm), rtol=1e-8)
    np.testing.assert_allclose(slope * lengths / dims, ive(order + 1, lengths) / ive(order, lengths), rtol=1e-7)


def test_densities_add_up_to_one() -> None:
    """exp(-loss) with no penalty, over the sphere in relation to the uniform density."""
    for dims, length in ((3, 2.0), (10, 8.0)):
        prediction = np.zeros((1, dims))
        prediction[0, 0] = length

        def density(angle: float, prediction: np.ndarray = prediction, dims: int = dims) -> float:
            target = np.zeros((1, dims))
            target[0, :2] = np.cos(angle), np.sin(angle)
            wanted = targets(target)
            share = wanted.weights[0] / wanted.total
            return float(np.exp(-vmf(prediction, wanted, 0.0, 1.0)[1] / share) * np.sin(angle) ** (dims - 2))

        whole = quad(lambda angle, dims=dims: np.sin(angle) ** (dims - 2), 0, np.pi)[0]
        assert quad(density, 0, np.pi)[0] / whole == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(("dims", "length"), [(7, 0.5), (20, 30.0), (50, 8.0)])
def test_the_gradient_is_that_of_the_value(dims: int, length: float) -> None:
    prediction, vectors = np.random.default_rng(0).normal(size=(2, 4, dims))
    prediction *= length / np.sqrt(dims)
    assert_gradient_is_that_of_the_value(LOSS, prediction, targets(vectors), step=1e-4)


def test_shares_of_a_batch_add_up_on_any_device() -> None:
    prediction, vectors = np.random.default_rng(0).normal(size=(2, 6, 50))
    assert_shares_add_up(LOSS, prediction, targets(vectors))
    assert_float32_in_and_out_on_any_device(LOSS, prediction, targets(vectors))


def test_a_surer_guess_gains_more_where_it_is_right_and_loses_more_where_it_is_wrong() -> None:
    target = np.eye(1, 50, dtype=np.float32)
    right, wrong = (
        [vmf(sign * length * target, targets(target), 0.0, 1.0)[1] for length in (1, 5, 20)] for sign in (1, -1)
    )
    assert 0 > right[0] > right[1] > right[2]
    assert 0 < wrong[0] < wrong[1] < wrong[2]


def test_the_length_of_a_target_does_not_count() -> None:
    prediction, vectors = np.random.default_rng(0).normal(size=(2, 5, 20))
    gradient, value = LOSS(prediction, targets(vectors))
    scaled, same = LOSS(prediction, targets(vectors * np.array([[0.01], [0.5], [2], [30], [1]])))
    np.testing.assert_allclose(scaled, gradient)
    assert same == pytest.approx(value)


@pytest.mark.parametrize("dims", [1, 20, 300])
def test_extreme_lengths_are_finite_and_silent(dims: int) -> None:
    vectors = np.ones((6, dims), dtype=np.float32)
    prediction = vectors * np.array([[0], [1e-30], [1e-8], [1], [1e4], [1e8]], dtype=np.float32)
    wanted = targets(vectors)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        gradient, value = LOSS(prediction, wanted)
    assert np.isfinite(value)
    # Without a guess only the alignment pulls; a length that the penalty and the normaliser push on is bounded by them.
    pull = -0.1 * wanted.weights[0] / wanted.total / np.sqrt(dims)
    np.testing.assert_allclose(gradient[0], pull, rtol=1e-6)
    assert (np.linalg.norm(gradient, axis=1) <= 1.12 * wanted.weights / wanted.total).all()
