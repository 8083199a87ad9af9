"""The choice of C on few labels."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from lmao.textcat.folds import HeldOut, cut
from lmao.textcat.probe import fit_probe
from lmao.textcat.strength import search


def cloud(n: int, dims: int, distance: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(2, size=n)
    centres = np.random.default_rng(99).normal(size=(2, dims)) * distance
    return centres[labels] + random.normal(size=(n, dims)), labels


def test_a_weak_signal_of_unequal_classes_does_not_collapse_to_the_larger() -> None:
    """Plain log-loss takes a C so small here that the bias decides."""
    hits = []
    for seed in range(8):
        features, labels = cloud(100, 100, 0.15, seed)
        probe = fit_probe(features, labels, 2, cut(labels, seed))
        test, truth = cloud(2000, 100, 0.15, seed + 100)
        predicted = probe.predict(test).argmax(axis=1)
        assert 0.2 < predicted.mean() < 0.8
        hits.append((predicted == truth).mean())
    assert np.mean(hits) > 0.65


@pytest.mark.parametrize(("best", "chosen"), [(-5.5, -5.5), (-1.0, -1.0), (3.5, 3.5), (-9.0, -6.0), (9.0, 4.0)])
def test_where_the_end_of_the_grid_is_best_it_goes_on_but_not_for_ever(best: float, chosen: float) -> None:
    labels = np.arange(200) % 2
    noise = np.random.default_rng(0).normal(size=(1, 200, 1))

    def held_out(C: float) -> HeldOut:
        signal = np.where(labels == 1, 1.0, -1.0)[None, :, None] / (1 + abs(np.log10(C) - best))
        return HeldOut(log_softmax(np.concatenate([-signal - noise, signal + noise], axis=2), axis=2), labels)

    assert search(held_out)[0] == chosen


def test_a_choice_at_the_last_end_is_warned_of() -> None:
    features, labels = cloud(200, 3, 1.0, 0)
    probe = fit_probe(features, labels, 2, cut(labels, 0))
    assert probe.warning is None
    warning = replace(probe, strength=replace(probe.strength, C=1e-6, at_end=True)).warning
    assert warning is not None and "the best C, 1e-06, is at the end" in warning
