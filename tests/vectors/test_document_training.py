"""`vectors=document`: n-grams of the same documents come near each other, and a table like any other comes out."""

import itertools
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
import spacy
from numpy.typing import NDArray
from pydantic import TypeAdapter

from lmao.cache import Cache
from lmao.config.vectors import AnyTable
from lmao.errors import UserError
from lmao.stop import Stopped, StopSignal
from lmao.vectors.document_kernels import alias_table, draw_negatives, draw_pairs, step
from lmao.vectors.document_training import NgramTable
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.loading import load_vectors
from lmao.vectors.table import StaticVectors

SETTINGS: dict[str, Any] = {
    "name": "document",
    "dims": 16,
    "epochs": 4,
    "ngrams": 2,
    "min_count": 2,
    "alpha": 6,
    "negatives": 5,
    "subsample": 0.01,
    "learn_rate": 0.05,
    "normalize": True,
    "threads": None,
}
TOPICS = 4
WORDS = [f"word{i}" for i in range(8 * TOPICS)]

Texts = list[NDArray[np.int32]]
Train = Callable[..., StaticVectors]


def texts_on_topics(documents: int = 200) -> Texts:
    """Text i is on topic i % 4, whose words are 8 of the 32; every fifth word is any."""
    random = np.random.default_rng(0)
    topics = np.arange(documents) % TOPICS
    own = 8 * topics[:, None] + random.integers(0, 8, (documents, 40))
    anything = random.integers(0, len(WORDS), own.shape)
    return list(np.where(random.random(own.shape) < 0.2, anything, own).astype(np.int32))


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Trains through a cache in this test's folder."""

    def trained(
        texts: Texts | None = None,
        words: list[str] = WORDS,
        folder: str = "cache",
        advance: Callable[[float], None] = lambda words: None,
        threads: int = 1,
        stop: StopSignal | None = None,
        **settings: Any,
    ) -> StaticVectors:
        documents = texts_on_topics() if texts is None else texts
        config = TypeAdapter[Any](AnyTable).validate_python({**SETTINGS, **settings})
        source = TrainingTexts({"texts": [text.tolist() for text in documents]}, words, lambda: iter(documents))
        vectors = load_vectors(
            config, Cache(tmp_path / folder, pytest.fail), source, pytest.fail, advance, threads, stop
        )
        assert vectors is not None
        return vectors

    return trained


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many blocks, groups and chunks as many texts have."""
    monkeypatch.setattr("lmao.vectors.document_rounds.BLOCK_ROWS", 40)
    monkeypatch.setattr("lmao.vectors.document_texts.CHUNK_TOKENS", 3000)
    monkeypatch.setattr("lmao.vectors.document_texts.TOKENS_AT_ONCE", 1700)
    monkeypatch.setattr("lmao.vectors.document_texts.DOCUMENTS_AT_ONCE", 7)
    monkeypatch.setattr("lmao.corpus.ngrams.SORTED_AT_ONCE", 100)


def test_a_step_is_the_gradient_that_finite_differences_give() -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((5, 12)).astype(np.float32)
    document = random.standard_normal(12).astype(np.float32)
    alpha, targets = 6.0, [3, 0, 4]  # rows 1 and 2 have no part in it

    def objective(flat: NDArray[np.float64]) -> float:
        d, w = flat[:12], flat[12:].reshape(5, 12)[targets]
        cosines = w @ d / np.linalg.norm(w, axis=1) / np.linalg.norm(d)
        return float(-np.log1p(np.exp(-alpha * cosines * [1, -1, -1])).sum())

    before = np.concatenate([document, rows.ravel()]).astype(np.float64)
    nudges = 1e-5 * np.eye(before.size)
    expected = [(objective(before + nudge) - objective(before - nudge)) / 2e-5 for nudge in nudges]
    # a negative that is the target itself is left out, and the step is linear in its rate
    scratch = np.empty((2, 4), np.float32)
    step(document, rows, np.array([3, 3, 0, 4], np.int32), alpha, 1.0, scratch, np.empty(12, np.float32))
    np.testing.assert_allclose(np.concatenate([document, rows.ravel()]) - before, expected, atol=2e-5)


def test_negatives_are_drawn_as_often_as_asked() -> None:
    weights = np.array([1.0, 0.1, 7.0, 2.0, 0.4])
    threshold, alias = np.empty(5, np.float32), np.empty(5, np.int32)
    alias_table(weights / weights.mean(), threshold, alias)
    drawn = threshold.astype(np.float64)
    np.add.at(drawn, alias, 1 - threshold)
    np.testing.assert_allclose(drawn / 5, weights / weights.sum(), atol=1e-6)

    targets, state = np.zeros(100_001, np.int32), 1
    assert draw_negatives(targets, 10, threshold, alias, state) != state
    counts = np.bincount(targets[1:] - 10, minlength=5)  # the block begins at row 10
    np.testing.assert_allclose(counts / 100_000, weights / 10.5, atol=0.01)


def pairs_of(ngrams: NDArray[np.int32], keep: list[float], place: list[int], block: list[int]) -> Any:
    """Those of documents 1 and 2, of three of the same length: where each block's begin, documents and rows."""
    offsets = np.arange(4) * ngrams.shape[1] // 3
    begins, pairs = np.empty(max(block) + 2, np.int64), np.full((2, ngrams.size), -1, np.int32)
    arrays = np.array(keep, np.float32), np.array(place, np.int32), np.array(block, np.int32)
    draw_pairs(np.array([1, 3]), offsets, ngrams, *arrays, 1, begins, pairs)
    return begins.tolist(), pairs[0, : begins[-1]], pairs[1, : begins[-1]]


def test_each_known_ngram_of_a_group_is_a_pair_in_its_block() -> None:
    ngrams = np.array([[0, 1, 0, 1, 2, -1], [3, 3, 3, 3, -1, 0]], np.int32)
    begins, documents, rows = pairs_of(ngrams, [1] * 4, [3, 2, 1, 0], [1, 1, 0, 0])
    assert begins == [0, 3, 6]
    assert list(zip(documents, rows, strict=True)) == [(1, 0), (1, 0), (2, 1), (1, 3), (1, 2), (2, 3)]


def test_frequent_ngrams_are_left_out_as_often_as_asked() -> None:
    ngrams = np.array([[0, 1] * 15_000]).astype(np.int32)
    begins, _, rows = pairs_of(ngrams, [0.25, 1], [0, 1], [0, 0])
    assert begins == [0, len(rows)] and np.count_nonzero(rows == 1) == 10_000
    assert abs(np.count_nonzero(rows == 0) / 10_000 - 0.25) < 0.02


def test_words_and_ngrams_of_the_same_documents_come_near_each_other(train: Train) -> None:
    tables = NgramTable.of(train(epochs=20))
    topic_of_word = np.array([int(word.removeprefix("word")) // 8 for word in _words(tables, train(epochs=20))])
    firsts = np.repeat(np.arange(len(topic_of_word)), np.diff(tables.known[0].begins))
    same = topic_of_word[firsts] == topic_of_word[tables.known[0].lasts]  # of one topic both
    for table, topics in zip(tables.tables, (topic_of_word, np.where(same, topic_of_word[firsts], -1)), strict=True):
        cosines = table[topics >= 0] @ table[topics >= 0].T
        alike = topics[topics >= 0][:, None] == topics[topics >= 0]
        assert cosines[alike].mean() > cosines[~alike].mean() + 0.3


def _words(tables: NgramTable, vectors: StaticVectors) -> list[str]:
    places = vectors.rows_of(WORDS)
    assert sorted(places) == list(range(len(tables.tables[0])))
    return [WORDS[i] for i in np.argsort(places)]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_the_frequent_ngrams_have_rows_and_shares_and_no_others(train: Train, ngrams: int) -> None:
    random = np.random.default_rng(1)
    lengths = [0, 1, 2, 3, *random.integers(0, 30, 60)]
    texts = [random.integers(0, 12, length).astype(np.int32) for length in lengths]
    vectors = train(texts, ngrams=ngrams, min_count=4)
    tables = NgramTable.of(vectors)
    words = sum(lengths)
    found: dict[tuple[int, ...], float] = {}
    ids = [(int(np.flatnonzero(vectors.rows_of(WORDS) == row)[0]),) for row in range(vectors.size)]
    found.update(zip(ids, tables.shares[0].tolist(), strict=True))
    firsts = ids
    for known, shares in zip(tables.known, tables.shares[1:], strict=True):
        prefixes = np.repeat(np.arange(len(firsts)), np.diff(known.begins))
        firsts = [firsts[first] + ids[last] for first, last in zip(prefixes, known.lasts, strict=True)]
        found.update(zip(firsts, shares.tolist(), strict=True))
    counts: Counter[tuple[int, ...]] = Counter()
    for text, n in itertools.product(texts, range(1, ngrams + 1)):
        counts.update(tuple(map(int, text[i : i + n])) for i in range(len(text) - n + 1))
    expected = {ngram: count / words for ngram, count in counts.items() if count >= 4}
    assert found == pytest.approx(expected, abs=1e-7) and max(map(len, found)) == ngrams


@pytest.mark.usefixtures("small_blocks")
def test_the_table_is_the_same_on_any_number_of_threads(train: Train) -> None:
    one = train(folder="1", epochs=2)
    for threads in (2, 3, 8, 11):
        assert train(folder=str(threads), epochs=2, threads=threads).digest == one.digest
    again = train(threads=5, epochs=2, folder="1")  # a setting of its own, which is in no key
    assert again.cached and again.digest == one.digest


@pytest.mark.usefixtures("small_blocks")
def test_a_training_that_is_stopped_goes_on_where_it_stood(train: Train, tmp_path: Path) -> None:
    """Bit for bit, stopped after any number of turns, and with another number of threads."""
    whole: list[float] = []
    undisturbed = train(folder="undisturbed", advance=whole.append)
    told: list[float] = []
    left = iter([1, 5, len(whole) // 3, 2])  # turns until a signal comes, the chunk's end among them
    for threads in (1, 2, 1, 2, 1):
        last = next(left, None)

        def advance(words: float, before: float = 0.0, since: int = len(told), last: int | None = last) -> None:
            if words:
                told.append(words)
            if len(told) - since == last:
                signal.raise_signal(signal.SIGTERM)

        with StopSignal() as stop, nullcontext() if last is None else pytest.raises(Stopped):
            stopped = train(advance=advance, threads=threads, stop=stop)
        assert len(list((tmp_path / "cache/unfinished").glob("*/manifest.json"))) == (last is not None)
    assert stopped.digest == undisturbed.digest
    assert told == whole


@pytest.mark.usefixtures("small_blocks")
def test_a_kill_costs_what_was_not_saved(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: list[float] = []
    undisturbed = train(folder="undisturbed", advance=whole.append)
    trained: list[float] = []

    def fail(words: float, before: float = 0.0) -> None:
        trained.append(words)
        if len(trained) == 20:
            raise RuntimeError("killed")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr("lmao.vectors.document_rounds.SAVE_SECONDS", 0)  # after each turn
        train(advance=fail)
    again = train(advance=lambda words, before=0.0: trained.append(words))
    assert again.digest == undisturbed.digest
    assert len([words for words in trained if words]) == len(whole) + 1


@pytest.mark.usefixtures("small_blocks")
def test_blocks_and_groups_learn_the_same_as_one_block_does(train: Train) -> None:
    vectors = train(epochs=20)
    rows, table = vectors.look_up(["word0", "word1", "word9"])
    first, alike, other = table[rows]
    assert first @ alike > first @ other + 0.2


def test_progress_is_counted_in_words_and_an_exception_ends_it(train: Train, tmp_path: Path) -> None:
    done: list[float] = []
    train(advance=done.append, epochs=3)
    assert sum(done) == pytest.approx(3 * 200 * 40) and len(done) >= 3

    def stop(words: float) -> None:
        raise KeyboardInterrupt

    began, before = monotonic(), threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        train(advance=stop, threads=2, epochs=3000, folder="stopped")  # some minutes
    assert monotonic() - began < 20 and threading.active_count() == before
    assert [path.suffix for path in (tmp_path / "stopped/vectors").iterdir()] == [".lock"]  # no texts are left


def test_the_rows_are_of_length_one_or_as_they_were_trained(train: Train) -> None:
    whole, free = NgramTable.of(train()).tables, NgramTable.of(train(normalize=False)).tables
    for unit, table in zip(whole, free, strict=True):
        lengths = np.linalg.norm(table, axis=1, keepdims=True)
        assert lengths.std() > 0.01
        np.testing.assert_allclose(unit, table / lengths, atol=1e-6)


def test_stock_spacy_reads_the_words(train: Train, tmp_path: Path) -> None:
    vectors = train()
    nlp = spacy.blank("en")
    nlp.vocab.vectors = vectors.to_spacy(nlp.vocab.strings)
    nlp.to_disk(tmp_path / "pipeline")
    document = spacy.load(tmp_path / "pipeline")("word3 word30 nowhere")
    rows, table = vectors.look_up(["word3", "word30", "nowhere"])
    assert rows[2] == -1
    np.testing.assert_array_equal([token.vector for token in document][:2], table[rows[:2]])
    assert not document[2].has_vector


def test_too_few_words_and_too_high_a_rate_are_errors(train: Train) -> None:
    texts = [np.array([0, 0, 0, 1], np.int32)]
    with pytest.raises(UserError, match=r"vectors\.min_count: fewer than two words occur 2 times"):
        train(texts)
    with pytest.raises(UserError, match=r"vectors\.learn_rate: .* diverged"):
        train(learn_rate=1e38)
