"""A probe's own soft labels of raw texts."""

import numpy as np
from scipy.special import log_softmax

from lmao.textcat.folds import cut
from lmao.textcat.probe import fit_probe
from lmao.textcat.self_training import aligned, self_trained, surest


def cloud(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, apart in one dimension of thirty."""
    random = np.random.default_rng(seed)
    labels = random.integers(2, size=n)
    features = random.normal(size=(n, 30))
    features[:, 0] += 1.5 * (2 * labels - 1)
    return features.astype(np.float32), labels


def test_raw_texts_in_two_clusters_help_few_labels_and_cross_validation_says_so() -> None:
    before, after, foretold = [], [], []
    test, truth = cloud(2000, 100)
    for seed in range(4):
        features, labels = cloud(20, seed)
        raw, _ = cloud(1000, seed + 50)
        probe = fit_probe(features, labels, 2, cut(labels, seed))
        taught = self_trained(features, labels, raw, probe, cut(labels, seed))
        before.append((probe.predict(test).argmax(axis=1) == truth).mean())
        after.append((taught.predict(test).argmax(axis=1) == truth).mean())
        foretold.append(taught.accuracy)
    assert np.mean(after) > np.mean(before) + 0.02
    assert abs(np.mean(foretold) - np.mean(after)) < 0.1


def test_a_class_without_examples_is_never_predicted_and_a_lone_one_is_learned_from() -> None:
    features, labels = cloud(60, 0)
    labels[0] = 3
    raw, _ = cloud(300, 1)
    probe = fit_probe(features, labels, 4, cut(labels, 0))
    taught = self_trained(features, labels, raw, probe, cut(labels, 0))
    assert (taught.predict(raw).argmax(axis=1) != 2).all()
    assert np.isnan(taught.held_out.answers[:, 0]).all()
    assert not np.isnan(taught.held_out.answers[:, 1:]).any()


def test_class_shares_are_brought_about() -> None:
    scores = log_softmax(np.random.default_rng(0).normal(size=(500, 3)) + np.array([3, 0, 0]), axis=1)
    soft = aligned(scores, np.array([0.2, 0.3, 0.5]))
    assert np.allclose(soft.sum(axis=1), 1)
    assert np.allclose(soft.mean(axis=0), [0.2, 0.3, 0.5], atol=0.02)


def test_the_surer_half_of_each_class_is_kept() -> None:
    soft = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.7, 0.3], [0.45, 0.55]])
    assert surest(soft).tolist() == [0, 2, 4]
