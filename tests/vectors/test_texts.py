"""Vectors of texts: the compiled composition is the formula, with any table."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.corpus.corpus import Corpus
from lmao.corpus.selection import Selection
from lmao.vectors.document_training import NgramTable
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.loading import load_vectors
from lmao.vectors.lookup import look_up
from lmao.vectors.table import StaticVectors
from lmao.vectors.texts import Composer, WholeDocuments, document_vectors, mean_vectors

DOCUMENTS = np.array([7, 3, 3, 0, 120, 61])
NONE = np.arange(0)
A = 1e-4


@pytest.fixture
def load(corpus: Corpus, compose: Callable[..., Config], tmp_path: Path) -> Callable[..., StaticVectors]:
    """A table trained on the tiny corpus, with settings as on the command line."""

    def loaded(*overrides: str) -> StaticVectors:
        numbers = np.arange(len(corpus.offsets) - 1)
        texts = TrainingTexts({}, corpus.words, lambda: (corpus.word_ids(int(number)) for number in numbers))
        settings = compose("debug=tiny", *overrides)
        vectors = load_vectors(settings.vectors, Cache(tmp_path, pytest.fail), texts, lambda line: None)
        assert vectors is not None
        return vectors

    return loaded


def by_hand(ngrams: Sequence[Any], row_of: dict[Any, tuple[NDArray[np.float32], float]]) -> NDArray[np.float32]:
    known = [row_of[ngram] for ngram in dict.fromkeys(ngrams) if ngram in row_of]
    weighted = [A / (A + share) * row / np.linalg.norm(row) for row, share in known]
    return np.asarray(np.sum(weighted, axis=0) / np.sqrt(len(weighted)), np.float32)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("ngrams", [1, 3])
def test_ngrams_are_summed_by_rarity(
    corpus: Corpus, load: Callable[..., StaticVectors], ngrams: int, normalize: bool
) -> None:
    vectors = load(f"vectors.ngrams={ngrams}", "vectors.epochs=1", f"vectors.normalize={normalize}")
    tables = NgramTable.of(vectors)
    places = {int(row): word for word, row in zip(corpus.words, vectors.rows_of(corpus.words), strict=True)}
    names: list[tuple[str, ...]] = [(places[row],) for row in range(vectors.size)]
    row_of = dict(zip(names, zip(tables.tables[0], tables.shares[0], strict=True), strict=True))
    for known, table, share in zip(tables.known, tables.tables[1:], tables.shares[1:], strict=True):
        firsts = np.repeat(np.arange(len(names)), np.diff(known.begins))
        names = [(*names[first], places[last]) for first, last in zip(firsts, known.lasts, strict=True)]
        row_of |= dict(zip(names, zip(table, share, strict=True), strict=True))
    found = document_vectors(Selection(corpus, NONE), vectors, DOCUMENTS)
    assert found.shape == (6, vectors.dims) and found.dtype == np.float32
    for number, vector in zip(DOCUMENTS, found, strict=True):
        words = [corpus.words[word] for word in corpus.word_ids(int(number))]
        of_text = [tuple(words[i : i + n]) for n in range(1, ngrams + 1) for i in range(len(words) - n + 1)]
        np.testing.assert_allclose(vector, by_hand(of_text, row_of), rtol=1e-3, atol=1e-5)


def test_the_size_that_is_told_is_that_of_the_words(load: Callable[..., StaticVectors]) -> None:
    words, longer = (load(f"vectors.ngrams={ngrams}", "vectors.epochs=1").megabytes for ngrams in (1, 3))
    assert longer == pytest.approx(words, rel=0.05)


def test_with_another_table_words_are_summed_by_rarity_in_the_corpus(
    corpus: Corpus, load: Callable[..., StaticVectors]
) -> None:
    vectors = load("vectors=floret", "vectors.dims=8", "vectors.epochs=1")
    trained_on = np.arange(50, 200)
    words = [corpus.words[word] for number in trained_on for word in corpus.word_ids(int(number))]
    rows, table = vectors.look_up(corpus.words)
    row_of = {
        (word,): (table[row], words.count(word) / len(words))
        for word, row in zip(corpus.words, rows, strict=True)
        if row >= 0
    }
    found = document_vectors(Selection(corpus, trained_on), vectors, DOCUMENTS)
    for number, vector in zip(DOCUMENTS, found, strict=True):
        text = [(corpus.words[word],) for word in corpus.word_ids(int(number))]
        np.testing.assert_allclose(vector, by_hand(text, row_of), rtol=1e-3, atol=1e-5)


def test_a_stretch_has_the_vector_of_its_whole_document(corpus: Corpus, load: Callable[..., StaticVectors]) -> None:
    vectors, none = load("vectors.epochs=1"), Selection(corpus, NONE)
    of_documents = document_vectors(none, vectors, np.arange(len(corpus.parts)))
    whole = WholeDocuments(Composer(none, vectors), corpus.offsets)
    begins, ends = corpus.offsets[DOCUMENTS], corpus.offsets[DOCUMENTS + 1]
    for first in (begins, ends - 1, begins):
        np.testing.assert_array_equal(whole(first, np.ones(6, np.int64)), of_documents[DOCUMENTS])


def test_texts_without_a_known_word_are_zeros(corpus: Corpus, load: Callable[..., StaticVectors]) -> None:
    vectors = load("vectors.epochs=1", "vectors.min_count=20")
    rows = look_up(corpus, vectors).rows
    unknown = np.flatnonzero(rows < 0)[:3].astype(np.int32)
    known = np.flatnonzero(rows >= 0)[:2].astype(np.int32)
    texts = Corpus(
        np.concatenate([unknown, known]), np.array([0, 0, 3, 5]), corpus.types, corpus.type_words, corpus.words,
        corpus.parts[:3], corpus.labels[:3], corpus.label_names, "", corpus.test_labels,
    )  # fmt: skip
    all_three = Selection(texts, np.arange(3))
    for found in (
        document_vectors(all_three, vectors, all_three.documents),
        mean_vectors(look_up(texts, vectors), all_three.documents),
    ):
        assert found.shape == (3, vectors.dims)
        assert found.any(axis=1).tolist() == [False, False, True]
    assert document_vectors(all_three, vectors, NONE).shape == (0, vectors.dims)


def test_the_mean_is_over_the_tokens_that_have_a_vector(corpus: Corpus, load: Callable[..., StaticVectors]) -> None:
    types = look_up(corpus, load("vectors=floret", "vectors.dims=8", "vectors.epochs=1"))
    found = mean_vectors(types, DOCUMENTS)
    for number, vector in zip(DOCUMENTS, found, strict=True):
        rows = [row for row in types.rows[corpus.document(int(number))] if row >= 0]
        np.testing.assert_allclose(vector, types.vectors[rows].mean(axis=0), rtol=1e-4, atol=1e-6)
