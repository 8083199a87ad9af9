import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
from numpy.typing import NDArray

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.errors import UserError
from lmao.run.inputs import check_inputs
from lmao.textcat.linear import NgramClassifier, NgramVocabulary
from tests.support.finished import Finished

Documents = list[NDArray[np.int32]]


def documents(*words: list[int]) -> Documents:
    return [np.array(document, dtype=np.int32) for document in words]


def test_features_are_the_distinct_ngrams_of_each_document() -> None:
    texts = documents([1, 2, 1, 2], [2, 3], [])
    features = NgramVocabulary.build(texts, ngrams=2, min_count=1).features(texts)
    # 1, 2, 3 | 1-2, 2-1, 2-3: words that meet only across two documents are no n-gram
    assert features.toarray().tolist() == [[1, 1, 0, 1, 1, 0], [0, 1, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0]]


def test_five_grams_of_huge_word_ids_are_exact() -> None:
    largest = 2**31 - 1
    words = [largest, largest - 1, largest, largest - 1, largest]
    texts = documents(words, words[:4], words[1:])
    features = NgramVocabulary.build(texts, ngrams=5, min_count=1).features(texts)
    assert features.shape == (3, 2 + 2 + 2 + 2 + 1)
    assert features.toarray().sum(axis=1).tolist() == [9, 7, 7]


def test_min_count_counts_documents() -> None:
    texts = documents([1, 1, 1, 2], [2, 3], [3, 2])
    assert [len(keys) for keys in NgramVocabulary.build(texts, ngrams=2, min_count=2).keys] == [2, 0]


def test_words_not_seen_in_training_are_ignored() -> None:
    vocabulary = NgramVocabulary.build(documents([1, 2], [2, 5]), ngrams=3, min_count=1)
    assert vocabulary.features(documents([9, 1, 2, 7])).toarray().sum() == 3


@pytest.mark.parametrize("classes", [2, 4])
def test_it_learns_what_a_bigram_tells(classes: int) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, 300)
    texts: Documents = []
    for label in labels:
        noise = random.integers(10, 30, 20)
        texts.append(np.concatenate([noise[:10], [label, 9 - label], noise[10:]]).astype(np.int32))
    classifier = NgramClassifier(ngrams=2, min_count=1, smoothing=1.0, C=1.0)
    classifier.fit(texts[:200], labels[:200], classes)
    scores = classifier.predict(texts[200:])
    assert scores.dtype == np.float32
    assert scores.shape == (100, classes)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores.argmax(axis=1) == labels[200:]).mean() > 0.95


def test_a_class_without_examples_is_never_predicted() -> None:
    classifier = NgramClassifier(ngrams=1, min_count=1, smoothing=1.0, C=1.0)
    classifier.fit(documents([1], [2], [1], [2]), np.array([0, 2, 0, 2]), classes=3)
    scores = classifier.predict(documents([1], [2], []))
    assert scores[:, 1].tolist() == [0, 0, 0]
    assert scores[:2].argmax(axis=1).tolist() == [0, 2]


def test_nothing_to_learn_from_is_said() -> None:
    classifier = NgramClassifier(ngrams=2, min_count=3, smoothing=1.0, C=1.0)
    with pytest.raises(UserError, match="same label"):
        classifier.fit(documents([1], [2]), np.array([1, 1]), classes=2)
    with pytest.raises(UserError, match="min_count"):
        classifier.fit(documents([1], [2]), np.array([0, 1]), classes=2)


@pytest.mark.skipif(
    "LMAO_TEST_IMDB" not in os.environ, reason="LMAO_TEST_IMDB is not set to the path of aclImdb_v1.tar.gz"
)
def test_imdb_with_1000_labels_is_85_percent() -> None:
    reviews: dict[str, tuple[bytes, int]] = {}
    with tarfile.open(Path(os.environ["LMAO_TEST_IMDB"])) as archive:
        for member in archive:
            parts = member.name.split("/")
            if len(parts) == 4 and parts[1] == "train" and parts[2] in ("pos", "neg"):
                file = archive.extractfile(member)
                assert file is not None
                reviews[member.name] = file.read(), int(parts[2] == "pos")
    chosen = np.random.default_rng(0).permutation(sorted(reviews))[:4000]
    tokenizer, ids = spacy.blank("en").tokenizer, dict[str, int]()
    texts: Documents = []
    for name in chosen:
        words = tokenizer(reviews[name][0].decode().replace("<br />", "\n"))
        texts.append(np.array([ids.setdefault(word.lower_, len(ids)) for word in words], dtype=np.int32))
    labels = np.array([reviews[name][1] for name in chosen])
    classifier = NgramClassifier(ngrams=2, min_count=1, smoothing=1.0, C=1.0)
    classifier.fit(texts[:1000], labels[:1000], classes=2)
    accuracy = (classifier.predict(texts[1000:]).argmax(axis=1) == labels[1000:]).mean()
    assert 0.835 < accuracy < 0.87


@pytest.mark.parametrize("options", [("mean", "floret"), ("document", "floret"), ("document", "document")])
def test_features_made_of_vectors_train_a_probe(finished: Callable[..., Finished], options: tuple[str, str]) -> None:
    features, vectors = options
    run = finished("textcat=linear", f"textcat.features={features}", f"vectors={vectors}", "vectors.epochs=3")
    assert f"linear · {features} of vectors" in run.output
    assert run.result.dev.examples == 100 and run.result.dev_accuracy > 0.4
    assert run.result.digests["vectors"] and not (run.folder / "model").exists()
    scores = np.load(run.folder / "predictions.npz")["dev_scores"]
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_features_made_of_vectors_need_some(compose: Callable[..., Config]) -> None:
    with pytest.raises(UserError, match=r"textcat\.features=mean is made of vectors and there are none"):
        compose("textcat=linear", "textcat.features=mean", "vectors=none")


def test_a_missing_table_is_found_before_anything_long(compose: Callable[..., Config], tmp_path: Path) -> None:
    asked = ["textcat=linear", "vectors=glove", "vectors.path=nowhere.txt"]
    cache = Cache(tmp_path, pytest.fail)
    check_inputs(compose(*asked), cache)
    with pytest.raises(UserError, match=r"vectors\.path: there is no file nowhere\.txt"):
        check_inputs(compose(*asked, "textcat.features=mean"), cache)
