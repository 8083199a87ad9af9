"""Which n-grams texts have: by hand, and beside scikit-learn's."""

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from lmao.textcat.ngram_features import NgramVocabulary


def documents(*words: list[int]) -> list[NDArray[np.int32]]:
    return [np.array(document, dtype=np.int32) for document in words]


def test_features_are_the_distinct_ngrams_of_each_document() -> None:
    texts = documents([1, 2, 1, 2], [2, 3], [])
    vocabulary = NgramVocabulary.build(texts, ngrams=2, min_count=1)
    # 1, 2, 3 | 1-2, 2-1, 2-3: words that meet only across two documents are no n-gram
    assert vocabulary.presence(texts).toarray().tolist() == [
        [1, 1, 0, 1, 1, 0],
        [0, 1, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 0],
    ]
    assert vocabulary.counts(texts).toarray()[0].tolist() == [2, 2, 0, 2, 1, 0]
    assert vocabulary.up_to(1).presence(texts).toarray().tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_counts_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    texts = [np.minimum(random.zipf(1.4, size=20), 900).astype(np.int32) for _ in range(40)]
    lines = [" ".join(f"w{word}" for word in text) for text in texts]
    theirs = CountVectorizer(ngram_range=(1, 2)).fit_transform(lines)
    ours = NgramVocabulary.build(texts, 2, 1).counts(texts)
    assert ours.shape == theirs.shape
    assert sorted(ours.sum(axis=0).tolist()) == sorted(np.asarray(theirs.sum(axis=0)).ravel().tolist())


def test_five_grams_of_huge_word_ids_are_exact() -> None:
    largest = 2**31 - 1
    words = [largest, largest - 1, largest, largest - 1, largest]
    texts = documents(words, words[:4], words[1:])
    features = NgramVocabulary.build(texts, ngrams=5, min_count=1).presence(texts)
    assert features.shape == (3, 2 + 2 + 2 + 2 + 1)
    assert features.toarray().sum(axis=1).tolist() == [9, 7, 7]


def test_min_count_counts_documents() -> None:
    texts = documents([1, 1, 1, 2], [2, 3], [3, 2])
    assert NgramVocabulary.build(texts, ngrams=2, min_count=2).sizes == [2, 0]


def test_words_not_seen_in_training_are_ignored() -> None:
    vocabulary = NgramVocabulary.build(documents([1, 2], [2, 5]), ngrams=3, min_count=1)
    assert vocabulary.presence(documents([9, 1, 2, 7])).toarray().sum() == 3
