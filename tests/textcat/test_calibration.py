"""What a classifier says is how often it is right: each kind learns its temperature from held-out training labels."""

import numpy as np
import pytest
from scipy.special import log_softmax

from lmao.run.scores import calibration_error
from lmao.textcat.combination import Arm, combine
from lmao.textcat.folds import HeldOut, calibrate, cut
from lmao.textcat.ngram_classifier import NgramClassifier
from lmao.textcat.probe import fit_probe

Array = np.ndarray


def opinions(n: int, seed: int, sharpness: float = 4.0) -> tuple[list[Array], Array]:
    """Log-probabilities of two models that know different things, each so many times too sure of itself; labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(3, size=n)
    evidence = 1.5 * np.eye(3)[labels] + random.normal(size=(2, n, 3))
    return list(log_softmax(sharpness * 1.5 * evidence, axis=2)), labels


def test_the_temperature_undoes_over_confidence_and_leaves_the_order() -> None:
    [few, _], labels = opinions(1000, 0)
    held_out = HeldOut(few[None], labels)
    calibrated = held_out.calibrated()
    assert 3.5 < calibrated.temperature < 4.5
    assert calibrated.sharpness == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(calibrated.answers.argmax(axis=2), held_out.answers.argmax(axis=2))
    before, after = (calibration_error(np.exp(one.answers[0]), labels) for one in (held_out, calibrated))
    assert after < 0.04 < 0.1 < before


def test_a_few_labels_that_are_all_got_right_leave_a_doubt() -> None:
    labels = np.arange(20) % 2
    answers = np.log(np.where(np.eye(2)[labels] == 1, 0.7, 0.3))
    scaled = log_softmax(calibrate(answers, labels, 20) * answers, axis=1)
    assert np.exp(scaled).max() == pytest.approx(21 / 22, abs=0.005)
    repeated = calibrate(np.tile(answers, (3, 1)), np.tile(labels, 3), 20)  # in three cuts: no example counts twice
    assert repeated == pytest.approx(calibrate(answers, labels, 20), rel=0.02)


def test_a_probe_is_calibrated_by_what_it_held_out() -> None:
    """Many features that say nothing: the penalty that orders best leaves it in doubt of everything."""
    random = np.random.default_rng(1)
    labels = random.integers(2, size=2400)
    features = random.normal(size=(2400, 60)).astype(np.float32)
    features[:, 0] += 1.5 * labels
    probe = fit_probe(features[:400], labels[:400], 2, cut(labels[:400], 0))
    calibrated = probe.calibrated()
    plain, after = probe.predict(features[400:]), calibrated.predict(features[400:])
    np.testing.assert_array_equal(plain.argmax(axis=1), after.argmax(axis=1))
    assert calibration_error(after, labels[400:]) < 0.05 < 0.1 < calibration_error(plain, labels[400:])
    np.testing.assert_allclose(probe.W, calibrated.W * calibrated.held_out.temperature, rtol=1e-5)


def test_n_grams_are_calibrated_by_what_they_held_out() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(3, size=1500)
    drawn = [(label * 50 + random.integers(50, size=20), 150 + random.integers(900, size=20)) for label in labels]
    texts = [np.where(random.random(20) < 0.1, *own_and_other) for own_and_other in drawn]
    classifier = NgramClassifier()
    classifier.fit(texts[:300], labels[:300], 3, cut(labels[:300], 0))
    scores = classifier.predict(texts[300:])
    assert calibration_error(scores, labels[300:]) < 0.07
    assert classifier.held_out.sharpness == pytest.approx(1, abs=0.02)


def test_a_mean_of_arms_is_as_sure_as_it_may_be() -> None:
    """Each of two calibrated arms is less sure than the two together have a right to be."""
    arms, labels = opinions(500, 0)
    combination = combine([Arm(HeldOut(one[None], labels)) for one in arms], 0)
    others, truth = opinions(5000, 1)
    assert calibration_error(combination.predict([np.exp(one) for one in others]), truth) < 0.03
    assert combination.held_out.temperature < 0.8
    assert combination.held_out.seen.all()
    right = combination.held_out.answers[0].argmax(axis=1) == labels
    assert right.mean() == pytest.approx(combination.together.accuracy)
