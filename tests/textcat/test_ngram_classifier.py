"""The n-gram classifier: beside scikit-learn's, and what its cross-validation foretells."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from lmao.errors import UserError
from lmao.textcat.folds import cut
from lmao.textcat.ngram_classifier import (
    SETTINGS,
    NgramClassifier,
    Setting,
    fit_weights,
    inverse_frequency,
    regressions,
    score,
)  # fmt: skip
from lmao.textcat.ngram_features import NgramVocabulary

Documents = list[NDArray[np.int32]]


def texts(n: int, seed: int = 0, classes: int = 2) -> tuple[Documents, NDArray[np.int64]]:
    """Words of Zipf's law, some of them of the class."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=n)
    documents = []
    for label in labels:
        words = np.minimum(random.zipf(1.4, size=20), 900) + 100
        own = random.random(20) < 0.15
        words[own] = label * 20 + random.integers(20, size=own.sum())
        documents.append(words.astype(np.int32))
    return documents, labels


def fitted(documents: Documents, labels: NDArray[np.int64], classes: int) -> NgramClassifier:
    classifier = NgramClassifier()
    classifier.fit(documents, labels, classes, cut(labels, 0))
    return classifier


def test_tfidf_weights_score_as_scikit_learns_pipeline() -> None:
    documents, labels = texts(80)
    features = NgramVocabulary.build(documents, 2, 1).presence(documents)
    tfidf = TfidfTransformer().fit_transform(features)
    theirs = LogisticRegression(C=10, solver="liblinear", dual=True, max_iter=1000, random_state=0).fit(tfidf, labels)
    weights = dict(fit_weights(features, labels, Setting("tfidf", 2, 10.0)))
    ours = score(features, weights, inverse_frequency(features), 2)
    assert np.abs(np.exp(ours) - theirs.predict_proba(tfidf)).max() < 1e-3


@pytest.mark.parametrize("classes", [2, 4])
def test_held_out_accuracy_foretells_that_of_new_texts(classes: int) -> None:
    documents, labels = texts(400, 0, classes)
    done: list[float] = []
    classifier = NgramClassifier()
    classifier.fit(documents, labels, classes, cut(labels, 0), done.append)
    assert sum(done) == regressions(labels, cut(labels, 0))
    new, truth = texts(1000, 1, classes)
    predicted = classifier.predict(new)
    assert predicted.dtype == np.float32 and predicted.shape == (1000, classes)
    np.testing.assert_allclose(predicted.sum(axis=1), 1, atol=1e-5)
    accuracy = (predicted.argmax(axis=1) == truth).mean()
    assert accuracy > 0.8
    assert abs(accuracy - classifier.held_out.accuracy) < 4 * classifier.held_out.error
    assert classifier.setting in SETTINGS


@pytest.mark.parametrize("classes", [2, 4])
def test_it_learns_what_a_bigram_tells(classes: int) -> None:
    """Every word is in texts of every class, only pairs are not."""
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, 300)
    documents = []
    for label in labels:
        pairs = [[number, (number + label) % 4 + 4] for number in random.permutation(4)]
        documents.append(np.concatenate(pairs).astype(np.int32))
    classifier = fitted(documents[:200], labels[:200], classes)
    assert classifier.setting.ngrams == 2
    assert (classifier.predict(documents[200:]).argmax(axis=1) == labels[200:]).mean() > 0.95


def test_a_missing_class_scores_lowest_and_a_lone_one_is_learned() -> None:
    documents, labels = texts(100)
    labels[0] = 2
    scores = fitted(documents, labels, 4).predict(documents)
    assert (scores[:, 3] < 1e-4).all()
    assert scores[:, 2].argmax() == 0


def test_an_empty_text_and_unknown_words_are_answered() -> None:
    classifier = fitted(*texts(100), 2)
    assert np.isfinite(classifier.predict([np.zeros(0, np.int32), np.full(3, 50_000, np.int32)])).all()
    assert classifier.predict([]).shape == (0, 2)


def test_nothing_to_learn_from_is_said() -> None:
    documents, labels = texts(10)
    with pytest.raises(UserError, match="same label"):
        fitted(documents, np.zeros(10, np.int64), 2)
    with pytest.raises(UserError, match="no word"):
        fitted([np.zeros(0, np.int32)] * 10, labels, 2)
