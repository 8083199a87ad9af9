"""Latent semantic analysis of texts with and without labels."""

import numpy as np
import pytest

from lmao.errors import UserError
from lmao.textcat.folds import cut
from lmao.textcat.lsa import Lsa, fit_lsa, leading
from tests.textcat.test_ngram_classifier import texts


def test_texts_of_one_subject_come_together() -> None:
    documents, labels = texts(600)
    lsa = Lsa(documents, 0)
    rows = leading(lsa(documents), 100)
    assert rows.shape == (600, 100)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    cosines = rows @ rows.T
    same = labels[:, None] == labels
    assert cosines[same].mean() > cosines[~same].mean()
    assert not leading(lsa([np.zeros(0, np.int32)]), 100).any()


def test_texts_without_labels_teach_it_words_that_no_example_has() -> None:
    documents, labels = texts(800)
    classifier = fit_lsa(documents, documents[:100], labels[:100], 2, 0, cut(labels[:100], 0))
    unknown = set(np.concatenate(documents)) - set(np.concatenate(documents[:100]))
    news = [np.array([word for word in text if word in unknown], np.int32) for text in documents[100:]]
    assert leading(classifier.lsa(news), classifier.dims).any(axis=1).mean() > 0.3
    scores = classifier.predict(documents[100:])
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores.argmax(axis=1) == labels[100:]).mean() > 0.75
    assert classifier.dims in (100, 300)


def test_next_to_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="fewer than two words"):
        Lsa([np.array([1, 2], np.int32)], 0)
