"""The linear probe: scikit-learn's logistic regression, folded into a softmax layer."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lmao.textcat.folds import cut
from lmao.textcat.probe import fit_probe, refit
from lmao.textcat.strength import regression


def draw(classes: int, n: int = 120, dims: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Features with a large mean and uneven scale, of classes that overlap."""
    generator = np.random.default_rng(0)
    labels = np.arange(n) % classes
    centres = generator.normal(size=(classes, dims))
    features = 5 + 3 * (centres[labels] + generator.normal(size=(n, dims)))
    return features.astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_scikit_learn(classes: int) -> None:
    features, labels = draw(classes)
    probe = fit_probe(features, labels, classes, cut(labels, 0))
    centred = features - features.mean(axis=0)
    scaled = centred / np.sqrt((centred**2).mean())
    expected = LogisticRegression(C=probe.C, max_iter=10_000, tol=1e-8).fit(scaled, labels).predict_proba(scaled)
    np.testing.assert_allclose(probe.predict(features), expected, atol=2e-3)
    logits = features @ probe.W.T + probe.b
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(probe.predict(features), softmax / softmax.sum(axis=1, keepdims=True), atol=1e-6)


def test_the_cross_validated_accuracy_is_near_that_on_new_examples() -> None:
    features, labels = draw(2, n=1200)
    probe = fit_probe(features[:400], labels[:400], 2, cut(labels[:400], 0))
    new = (probe.predict(features[400:]).argmax(axis=1) == labels[400:]).mean()
    assert 0.6 < new < 1
    assert probe.accuracy == pytest.approx(new, abs=0.06)


def test_centring_and_scale_are_in_the_weights() -> None:
    features, labels = draw(3)
    cuts = cut(labels, 0)
    plain, moved = fit_probe(features, labels, 3, cuts), fit_probe(100 * features + 7, labels, 3, cuts)
    assert plain.C == moved.C
    np.testing.assert_allclose(plain.predict(features), moved.predict(100 * features + 7), atol=0.01)


def test_a_class_without_examples_is_never_predicted() -> None:
    features, labels = draw(2)
    scores = fit_probe(features, labels, 3, cut(labels, 0)).predict(features)
    assert scores.shape == (120, 3)
    assert (scores[:, 2] < scores[:, :2].max(axis=1)).all()


def test_it_copes_with_one_example_of_a_class_and_repeats_itself() -> None:
    features, labels = draw(2, n=12)
    labels = np.where(np.arange(12) == 3, 1, 0)
    first, second = (fit_probe(features, labels, 2, cut(labels, 0)) for _ in range(2))
    np.testing.assert_array_equal(first.W, second.W)
    assert first.C == second.C
    assert np.isnan(first.held_out.answers[:, 3]).all()  # it is always learned from
    assert not np.isnan(np.delete(first.held_out.answers, 3, axis=1)).any()


def test_behind_a_linear_map_it_gives_the_same_probabilities() -> None:
    generator = np.random.default_rng(0)
    encoded = generator.normal(size=(60, 5)).astype(np.float32)
    W, b = generator.normal(size=(3, 5)).astype(np.float32), generator.normal(size=3).astype(np.float32)
    labels = (encoded[:, 0] > 0).astype(np.int32)
    probe = fit_probe(encoded @ W.T + b, labels, 2, cut(labels, 0))
    np.testing.assert_allclose(probe.behind(W, b).predict(encoded), probe.predict(encoded @ W.T + b), atol=1e-5)


def test_refit_is_the_same_probe_on_the_same_examples_and_another_on_others() -> None:
    features, labels = draw(3)
    probe = fit_probe(features, labels, 3, cut(labels, 0))
    again, fewer = refit(probe, features, labels), refit(probe, features[:60], labels[:60])
    np.testing.assert_allclose(again.predict(features), probe.predict(features), atol=0.01)
    assert fewer.C == probe.C
    assert np.abs(fewer.predict(features) - probe.predict(features)).max() > 0.02


@pytest.mark.parametrize("classes", [2, 4])
def test_a_weak_penalty_is_fit_to_its_end(classes: int) -> None:
    """From nothing; in cross-validation each strength goes on from the one before."""
    features, labels = draw(classes, n=400, dims=40)
    features += 10 * np.eye(40, dtype=np.float32)[labels]
    found = regression(10.0).fit(features, labels)
    exact = LogisticRegression(C=10.0, max_iter=100_000, tol=1e-9).fit(features, labels)
    np.testing.assert_allclose(found.predict_proba(features), exact.predict_proba(features), atol=1e-3)
