"""Labels that models which have not learned from them would not give."""

import numpy as np
import pytest
from scipy.special import log_softmax

from lmao.textcat.doubt import doubts
from lmao.textcat.folds import HeldOut, cut
from lmao.textcat.probe import fit_probe


def test_planted_errors_come_first() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(4, size=1000)
    features = (1.5 * np.eye(10)[truth] + 0.5 * random.normal(size=(1000, 10))).astype(np.float32)
    labels, planted = truth.copy(), random.permutation(1000)[:20]
    labels[planted] = (labels[planted] + random.integers(1, 4, size=20)) % 4
    found = doubts(fit_probe(features, labels, 4, cut(labels, 0)).calibrated().held_out)
    assert np.isin(found.places[:60], planted).sum() >= 16
    assert 10 <= found.count <= 30
    right = np.isin(found.places[:60], planted)
    assert (found.others[:60] == truth[found.places[:60]])[right].mean() > 0.9


@pytest.mark.parametrize("classes", [2, 4, 20, 50])
def test_of_those_in_doubt_most_are_wrong_with_any_number_of_classes(classes: int) -> None:
    """A model that knows how probable each label is; one label in fifty is another one."""
    random = np.random.default_rng(0)
    answers = log_softmax(2.5 * random.normal(size=(20_000, classes)), axis=1)
    truth = (np.exp(answers).cumsum(axis=1) > random.random((len(answers), 1))).argmax(axis=1)
    labels, planted = truth.copy(), random.permutation(len(truth))[:400]
    labels[planted] = (labels[planted] + random.integers(1, classes, size=400)) % classes
    found = doubts(HeldOut(answers[None], labels).calibrated())
    doubted = found.places[: found.count]
    assert (labels[doubted] != truth[doubted]).mean() > 0.5 and len(doubted) > 80


def test_the_order_is_that_of_the_labels_probability_and_the_rest_is_left_out() -> None:
    answers = np.log([[0.9, 0.1], [0.4, 0.6], [0.02, 0.98], [0.3, 0.7], [np.nan, np.nan]])
    found = doubts(HeldOut(answers[None], np.array([0, 0, 0, 1, 1])))
    assert found.places.tolist() == [2, 1] and found.others.tolist() == [1, 1]
    np.testing.assert_allclose([found.own, found.other], [[0.02, 0.4], [0.98, 0.6]])
    assert found.count == 1


def test_several_cuts_are_averaged() -> None:
    cuts = np.log([[[0.9, 0.1], [0.5, 0.5]], [[0.3, 0.7], [np.nan, np.nan]], [[0.0001, 0.9999], [0.1, 0.9]]])
    found = doubts(HeldOut(cuts, np.array([0, 0])))
    assert found.places.tolist() == [1, 0]
    np.testing.assert_allclose(found.own, [0.3, 0.4], atol=1e-3)
