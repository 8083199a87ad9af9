"""Centring, whitening and weights against the definitions, on tables whose words occur unequally often."""

import numpy as np
import pytest

from lmao.objectives import whitening
from lmao.objectives.whitening import FLOOR, prepare, sif_weights


@pytest.fixture(params=[8192, 7])
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """Correlated vectors far from zero, some of them missing, and how often their words occur; in one block or many."""
    monkeypatch.setattr(whitening, "BLOCK", request.param)
    generator = np.random.default_rng(0)
    vectors = (generator.normal(size=(60, 5)) @ generator.normal(size=(5, 5)) + 3).astype(np.float32)
    vectors[[7, 8, 40]] = 0
    return vectors, generator.integers(0, 100, 60)


def moments(vectors: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the text's words that have a vector."""
    there = np.delete(np.arange(60), [7, 8, 40])
    occurrences = np.repeat(vectors[there].astype(np.float64), counts[there], axis=0)
    return occurrences.mean(axis=0), np.cov(occurrences.T, bias=True)


def test_centred_words_of_a_text_have_mean_zero(table: tuple[np.ndarray, np.ndarray]) -> None:
    prepared = prepare(*table, center=True, whiten=False)
    assert prepared.dtype == np.float32
    mean, covariance = moments(prepared, table[1])
    np.testing.assert_allclose(mean, 0, atol=1e-6)
    np.testing.assert_allclose(covariance, moments(*table)[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("center", [True, False])
def test_whitened_words_of_a_text_vary_alike_in_all_directions(
    table: tuple[np.ndarray, np.ndarray], center: bool
) -> None:
    mean, covariance = moments(prepare(*table, center=center, whiten=True), table[1])
    np.testing.assert_allclose(covariance, np.eye(5), atol=1e-4)
    assert (np.abs(mean) < 1e-4).all() == center


def test_whitening_turns_nothing(table: tuple[np.ndarray, np.ndarray]) -> None:
    """Its matrix is symmetric and positive: what is white is left as it is."""
    white = prepare(*table, center=True, whiten=True)
    np.testing.assert_allclose(prepare(white, table[1], center=True, whiten=True), white, atol=1e-4)


@pytest.mark.parametrize(("center", "whiten"), [(True, False), (False, True), (True, True)])
def test_no_vector_stays_no_vector_and_the_table_is_not_touched(
    table: tuple[np.ndarray, np.ndarray], center: bool, whiten: bool
) -> None:
    before = table[0].copy()
    prepared = prepare(*table, center=center, whiten=whiten)
    assert set(np.flatnonzero(~prepared.any(axis=1))) == {7, 8, 40}
    np.testing.assert_array_equal(table[0], before)


def test_a_direction_without_variance_is_not_blown_up() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(500, 3)).astype(np.float32)
    vectors[:, 2] = vectors[:, 0] * (1 + 1e-6 * vectors[:, 1])
    prepared = prepare(vectors, np.ones(500, dtype=np.int64), center=True, whiten=True)
    assert np.abs(prepared).max() < 2 * np.abs(vectors).max() / np.sqrt(FLOOR)
    spread = np.linalg.eigvalsh(np.cov(prepared.T))
    assert spread[0] < 1e-3
    np.testing.assert_allclose(spread[1:], 1, rtol=0.01)


@pytest.mark.parametrize("rows", [1, 4])
def test_fewer_words_than_dimensions_stay_finite(rows: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(rows, 20)).astype(np.float32)
    assert np.isfinite(prepare(vectors, np.full(rows, 3), center=True, whiten=True)).all()


def test_a_table_stays_as_it_is_when_nothing_is_asked_for_or_no_word_occurs(
    table: tuple[np.ndarray, np.ndarray],
) -> None:
    assert prepare(*table, center=False, whiten=False) is table[0]
    assert prepare(table[0], np.zeros(60, dtype=np.int64), center=True, whiten=True) is table[0]


def test_weights_fall_with_frequency() -> None:
    weights = sif_weights(np.array([0, 1, 9, 90]), 0.01)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [1, 0.5, 0.1, 0.01 / 0.91], rtol=1e-6)
    np.testing.assert_array_equal(sif_weights(np.zeros(2, dtype=np.int64), 0.01), 1)
