"""Labels that models which have not learned from them would not give."""

import numpy as np

from lmao.textcat.doubt import DOUBTED, doubts
from lmao.textcat.folds import HeldOut
from lmao.textcat.probe import fit_probe


def test_planted_errors_come_first() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(4, size=1000)
    features = (1.5 * np.eye(10)[truth] + 0.5 * random.normal(size=(1000, 10))).astype(np.float32)
    labels, planted = truth.copy(), random.permutation(1000)[:20]
    labels[planted] = (labels[planted] + random.integers(1, 4, size=20)) % 4
    found = doubts(fit_probe(features, labels, 4, 0).calibrated().held_out)
    assert np.isin(found.places[:60], planted).sum() >= 16
    assert 16 <= found.count <= 60
    right = np.isin(found.places[:60], planted)
    assert (found.others[:60] == truth[found.places[:60]])[right].mean() > 0.9


def test_the_order_is_that_of_the_labels_probability_and_the_rest_is_left_out() -> None:
    answers = np.log([[0.9, 0.1], [0.4, 0.6], [0.02, 0.98], [0.3, 0.7], [np.nan, np.nan]])
    found = doubts(HeldOut(answers[None], np.array([0, 0, 0, 1, 1])))
    assert found.places.tolist() == [2, 1] and found.others.tolist() == [1, 1]
    np.testing.assert_allclose([found.own, found.other], [[0.02, 0.4], [0.98, 0.6]])
    assert found.count == 1 and DOUBTED == 0.05


def test_several_cuts_are_averaged() -> None:
    cuts = np.log([[[0.9, 0.1], [0.5, 0.5]], [[0.3, 0.7], [np.nan, np.nan]], [[0.0001, 0.9999], [0.1, 0.9]]])
    found = doubts(HeldOut(cuts, np.array([0, 0])))
    assert found.places.tolist() == [1, 0]
    np.testing.assert_allclose(found.own, [0.3, 0.4], atol=1e-3)
