"""The encoded corpus holds spaCy's own tokens, whoever made it, and no test label before one is asked for."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.attrs import LOWER, PREFIX, SHAPE, SUFFIX

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.corpus import encoding, tokens
from lmao.corpus.corpus import Corpus
from lmao.corpus.encoding import encode
from lmao.data.document import Document, Part, Source
from lmao.data.source import open_source
from lmao.errors import Unavailable

CHUNK = 10_000
SMALL = 30_000


@dataclass
class Counted:
    """A source that counts what was taken from it."""

    source: Source
    taken: int = 0
    name: str = "counted"
    seen: list[tuple[int, float]] = field(default_factory=list)  # characters taken, words encoded

    def fingerprint(self) -> str:
        return self.source.fingerprint()

    def documents(self) -> Iterator[Document]:
        self.taken = 0
        for document in self.source.documents():
            self.taken += len(document.text)
            yield document

    def advance(self, words: float) -> None:
        self.seen.append((self.taken, words))


@pytest.fixture(scope="module")
def source(tiny: Config, tmp_path_factory: pytest.TempPathFactory) -> Source:
    return open_source(tiny.data, tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def documents(source: Source) -> list[Document]:
    return list(source.documents())


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def chunked(
    source: Source, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Counted, Corpus, Path]:
    """The corpus made in small chunks, so that there is enough for processes to do."""
    counted = Counted(source)
    folder = tmp_path_factory.mktemp("chunked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "CHUNK_CHARACTERS", CHUNK)
        patch.setattr(tokens, "SMALL_CHARACTERS", SMALL)
        cache = Cache(folder, warn=pytest.fail)
        corpus, cached = encode(counted, "en", cache, threads=request.param, advance=counted.advance)
    assert not cached
    return request.param, counted, corpus, folder


@pytest.fixture
def few(documents: list[Document], compose: Callable[..., Config], tmp_path: Path) -> Source:
    """A few of the texts as files, with test labels, that are read in no time."""
    for part in (Part.TRAIN, Part.TEST):
        rows = [json.dumps({"text": d.text, "label": d.label}) for d in documents if d.part == part]
        (tmp_path / f"{part.name}.jsonl").write_text("\n".join(rows[:20]))
    paths = [f"data.path={tmp_path / 'TRAIN.jsonl'}", f"data.test_path={tmp_path / 'TEST.jsonl'}"]
    return open_source(compose("data=files", *paths).data, tmp_path)


def hashes(corpus: Corpus, number: int) -> np.ndarray[Any, Any]:
    return corpus.types[corpus.document(number)]


def test_how_the_texts_were_read_is_known_from_the_cache_too(few: Source, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", warn=pytest.fail)
    notes = [encode(few, "en", cache, threads=1, advance=lambda words: None)[0].notes for _ in range(2)]
    assert notes == [["JSONL"]] * 2


def test_every_token_has_spacys_own_features(corpus: Corpus, documents: list[Document]) -> None:
    nlp = spacy.blank("en")
    assert len(corpus.offsets) == len(documents) + 1
    for number, document in enumerate(documents):
        doc = nlp.make_doc(document.text)
        np.testing.assert_array_equal(hashes(corpus, number), doc.to_array([LOWER, PREFIX, SUFFIX, SHAPE]))
        words = corpus.type_words[corpus.document(number)]
        assert [corpus.words[word] for word in words] == [token.lower_ for token in doc]
        assert [corpus.words[word] for word in corpus.word_ids(number)] == [
            token.lower_ for token in doc if not token.lower_.isspace()
        ]


def test_types_and_words_are_distinct(corpus: Corpus) -> None:
    assert len(np.unique(corpus.types, axis=0)) == len(corpus.types)
    assert len(set(corpus.words)) == len(corpus.words)


def test_the_mask_is_a_type_that_no_text_has(corpus: Corpus) -> None:
    assert corpus.words[corpus.type_words[0]] == "[mask]"
    assert not (corpus.tokens == 0).any()


def test_labels_and_parts_are_those_of_the_documents_but_for_the_test_labels(
    corpus: Corpus, documents: list[Document]
) -> None:
    assert corpus.label_names == ["numpy", "scipy"]
    assert {document.part for document in documents} == {Part.TRAIN, Part.TEST}
    expected = [corpus.label_names.index(document.label or "") for document in documents]
    is_test = np.array([document.part == Part.TEST for document in documents])
    np.testing.assert_array_equal(corpus.parts == Part.TEST, is_test)
    np.testing.assert_array_equal(corpus.labels, np.where(is_test, -1, expected))
    np.testing.assert_array_equal(corpus.test_labels(), np.where(is_test, expected, -1))


def test_processes_write_the_same_bytes_as_one(
    source: Source, chunked: tuple[int, Counted, Corpus, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "CHUNK_CHARACTERS", CHUNK)
    alone, _ = encode(Counted(source), "en", Cache(tmp_path, warn=pytest.fail), threads=1, advance=lambda words: None)
    assert chunked[2].digest == alone.digest
    entries = [sorted(folder.glob("*/*/*")) for folder in (tmp_path, chunked[3])]
    assert len(entries[0]) >= 9
    for first, second in zip(*entries, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_no_more_than_a_few_chunks_are_read_ahead(chunked: tuple[int, Counted, Corpus, Path]) -> None:
    threads, counted, corpus, _ = chunked
    total = counted.taken
    assert total > 10 * CHUNK, "too little text to tell"
    lengths = np.array([len(document.text) for document in counted.source.documents()])
    encoded = np.cumsum([words for _, words in counted.seen])
    done = np.concatenate([[0], np.cumsum(lengths)])[np.searchsorted(corpus.offsets, encoded)]
    ahead = np.array([taken for taken, _ in counted.seen]) - done
    longest = int(lengths.max())
    bound = SMALL + CHUNK + longest if threads == 1 else (2 * threads + 1) * (CHUNK + longest)
    assert ahead.max() <= bound
    assert done[-1] == total


def test_a_second_call_takes_it_from_the_cache(few: Source, tmp_path: Path) -> None:
    class Unreadable(Counted):
        def documents(self) -> Iterator[Document]:
            pytest.fail("read again")

    cache = Cache(tmp_path / "cache", warn=pytest.fail)
    first, _ = encode(Counted(few), "en", cache, 1, advance=lambda words: None)
    again, cached = encode(Unreadable(few), "en", cache, 1, advance=lambda words: pytest.fail("encoded again"))
    assert cached and again.digest == first.digest
    np.testing.assert_array_equal(again.tokens, first.tokens)
    assert isinstance(again.tokens, np.memmap) and not again.tokens.flags.writeable


def test_texts_that_change_while_they_are_read_are_refused_and_not_kept(few: Source, tmp_path: Path) -> None:
    class Changing(Counted):
        def fingerprint(self) -> str:
            return f"{self.source.fingerprint()} {self.taken > 0}"

    cache, kept = Cache(tmp_path / "cache", warn=pytest.fail), tmp_path / "cache" / "labels"
    with pytest.raises(Unavailable, match="the data's files changed while they were read"):
        encode(Changing(few), "en", cache, 1, advance=lambda words: None)
    assert not [path for path in kept.iterdir() if path.suffix != ".lock"]


def test_test_labels_are_of_the_texts_that_were_encoded(few: Source, tmp_path: Path) -> None:
    class Changing(Counted):
        changed = False

        def fingerprint(self) -> str:
            return f"{self.source.fingerprint()} {self.changed}"

    source = Changing(few)
    corpus, _ = encode(source, "en", Cache(tmp_path / "cache", warn=pytest.fail), 1, advance=lambda words: None)
    source.changed = True
    with pytest.raises(Unavailable, match="changed"):
        corpus.test_labels()


def test_with_other_labels_the_texts_are_in_the_cache(few: Source, tmp_path: Path) -> None:
    class Relabelled(Counted):
        def fingerprint(self) -> str:
            return "relabelled"

        def documents(self) -> Iterator[Document]:
            for number, document in enumerate(super().documents()):
                yield replace(document, label=document.label and f"{document.label}{number % 2}")

    cache = Cache(tmp_path / "cache", warn=pytest.fail)
    first, _ = encode(Counted(few), "en", cache, 1, advance=lambda words: None)
    again, cached = encode(Relabelled(few), "en", cache, 1, advance=lambda words: pytest.fail("encoded again"))
    assert cached and again.digest == first.digest
    assert len(again.label_names) > len(first.label_names)
    assert {name[:-1] for name in again.label_names} == set(first.label_names)


def test_texts_are_read_again_by_another_reader_and_encoded_if_it_reads_others(
    few: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Better(Counted):
        def documents(self) -> Iterator[Document]:
            for document in super().documents():
                yield replace(document, text=document.text + " more")

    cache = Cache(tmp_path / "cache", warn=pytest.fail)
    first, _ = encode(Counted(few), "en", cache, 1, advance=lambda words: None)
    monkeypatch.setattr(encoding, "_reader", lambda: "another")
    same, cached = encode(Counted(few), "en", cache, 1, advance=lambda words: pytest.fail("encoded again"))
    assert cached and same.digest == first.digest
    monkeypatch.setattr(encoding, "_reader", lambda: "a better one")
    other, cached = encode(Better(few), "en", cache, 1, advance=lambda words: None)
    assert not cached and len(other.tokens) > len(first.tokens)


def test_two_threads_encode_at_once(few: Source, documents: list[Document]) -> None:
    """What one thread's reader knows already, the other's may not."""
    texts = [document.text for document in documents[:40]]
    expected = [forms.new for forms in tokens.tokenize(iter([[text] for text in texts]), "en", 1)]
    found: dict[int, list[object]] = {0: [], 1: []}
    turn = threading.Barrier(2)

    def read(reader: int) -> None:
        mine = tokens.tokenize(iter([[text] for text in texts]), "en", 1)
        for _ in texts:
            turn.wait(60)
            found[reader].append(next(mine).new)

    readers = [threading.Thread(target=read, args=(reader,)) for reader in found]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == {0: expected, 1: expected}


def test_another_language_is_another_corpus(few: Source, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", warn=pytest.fail)
    encode(few, "en", cache, 1, advance=lambda words: None)
    assert not encode(few, "xx", cache, 1, advance=lambda words: None)[1]


opened: list[str] = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)


def test_test_labels_are_not_even_opened_before_they_are_asked_for(few: Source, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", warn=pytest.fail)
    made, _ = encode(few, "en", cache, 1, advance=lambda words: None)
    assert not (tmp_path / "cache" / "test_labels").exists()
    expected = made.test_labels()
    opened.clear()
    again, _ = encode(few, "en", cache, 1, advance=lambda words: None)
    assert any(f"{os.sep}corpus{os.sep}" in path for path in opened)
    assert not any(f"{os.sep}test_labels{os.sep}" in path for path in opened)
    assert again.labels[again.parts == Part.TEST].tolist() == [-1] * int((again.parts == Part.TEST).sum())
    np.testing.assert_array_equal(again.test_labels(), expected)
    assert any(f"{os.sep}test_labels{os.sep}" in path for path in opened)


def test_damaged_test_labels_are_read_again(few: Source, tmp_path: Path) -> None:
    lines: list[str] = []
    cache = Cache(tmp_path / "cache", lines.append)
    corpus, _ = encode(few, "en", cache, 1, advance=lambda words: None)
    expected = corpus.test_labels()
    [path] = tmp_path.glob("cache/test_labels/*/labels.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    np.testing.assert_array_equal(corpus.test_labels(), expected)
    assert lines and "damaged" in lines[0]


def test_a_damaged_corpus_is_made_again(few: Source, tmp_path: Path) -> None:
    lines: list[str] = []
    cache = Cache(tmp_path / "cache", lines.append)
    first, _ = encode(few, "en", cache, 1, advance=lambda words: None)
    [path] = tmp_path.glob("cache/corpus/*/words.json")
    words = json.loads(path.read_text())
    path.write_text(json.dumps([words[-1], *words[:-1]]))
    again, cached = encode(few, "en", cache, 1, advance=lambda words: None)
    assert not cached and "words.json has changed" in lines[0]
    assert again.words == first.words and again.digest == first.digest
