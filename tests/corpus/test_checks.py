"""What would spoil a result is found in the texts; what is as it should be is not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lmao.cache import Cache
from lmao.corpus.checks import findings
from lmao.corpus.corpus import Corpus
from lmao.corpus.encoding import encode
from lmao.corpus.similar import SHORTEST, near_copies
from lmao.data.document import Document, Part
from lmao.data.splits import Examples, Splits

GENERATOR = np.random.default_rng(0)
ENGLISH = "The ship came into the harbour, and we saw that it was not the one which they had told us about. "
GERMAN = "Das Schiff kam in den Hafen, und wir sahen, dass es nicht das war, von dem sie uns erzählt hatten. "
CODE = "return numpy array shape dtype float axis index slice matrix vector tensor buffer stride "


@dataclass
class Labelled:
    texts: Sequence[str]
    labels: Sequence[str]
    name: str = "labelled"

    def fingerprint(self) -> str:
        return repr((self.texts, self.labels))

    def documents(self) -> Iterator[Document]:
        for text, label in zip(self.texts, self.labels, strict=True):
            yield Document(text, label, Part.TRAIN)


def corpus_of(folder: Path, texts: Sequence[str], labels: Sequence[str] | None = None) -> Corpus:
    labels = labels or [("a", "b")[i % 2] for i in range(len(texts))]
    return encode(Labelled(texts, labels), "en", Cache(folder, pytest.fail), 1, lambda words: None)[0]


def said(corpus: Corpus, language: str = "en", dev: int = 2) -> list[str]:
    """Of the corpus' documents, the last of which are for dev."""
    documents = np.arange(len(corpus.labels))
    train, held = (Examples(part, corpus.labels[part]) for part in (documents[:-dev], documents[-dev:]))
    return [finding.text for finding in findings(corpus, Splits(train, held, None, documents), language)]


def text(words: int = 60) -> str:
    return " ".join(f"word{number}" for number in GENERATOR.integers(5000, size=words))


def changed(sentence: str, count: int) -> str:
    words = sentence.split()
    for place in np.linspace(0, len(words) - 1, count, dtype=int):
        words[place] = "other"
    return " ".join(words)


def test_near_copies_are_found_and_mere_relatives_are_not(tmp_path: Path) -> None:
    known = [text() for _ in range(300)]
    alike = [changed(one, 2) for one in known[:40]] + [f"({one.upper()}!)" for one in known[40:80]]
    relatives = [changed(one, 20) for one in known[:40]] + [
        " ".join(one.split()[:30]) + " " + text(30) for one in known
    ]
    corpus = corpus_of(tmp_path, [*known, *alike, *relatives, *(text() for _ in range(300))])
    documents = np.arange(300, len(corpus.labels))
    found = near_copies(corpus, documents, np.arange(300))
    assert found[:80].all() and not found[80:].any()


def test_no_text_is_a_near_copy_of_itself_nor_short_ones_of_one_another(tmp_path: Path) -> None:
    texts = [text() for _ in range(50)] + ["very good film !", "very good film ."] * 20 + ["!" * 30] * 2
    corpus = corpus_of(tmp_path, texts)
    documents = np.arange(len(texts))
    assert not near_copies(corpus, documents, documents).any()
    longer = " ".join(map(str, range(SHORTEST)))
    corpus = corpus_of(tmp_path, [f"{longer} .", f"{longer} !"])
    assert near_copies(corpus, np.arange(2), np.arange(2)).all()


def test_a_template_with_thousands_of_copies_is_compared_with_few(tmp_path: Path) -> None:
    template = text()
    corpus = corpus_of(tmp_path, [f"{template} number{i}" for i in range(3000)])
    documents = np.arange(3000)
    assert near_copies(corpus, documents[2000:], documents[:2000]).all()


def test_near_copies_of_training_texts_are_told_of(tmp_path: Path) -> None:
    texts = [text() for _ in range(40)]
    few = corpus_of(tmp_path, [*texts, *(text() for _ in range(98)), *(changed(one, 1) for one in texts[:2])])
    assert said(few, dev=100) == ["2 of the 100 texts of dev nearly repeat a training text"]
    many = corpus_of(tmp_path, [*texts, *(changed(one, 1) for one in texts[:4])])
    assert said(many, dev=4) == ["4 of the 4 texts of dev nearly repeat a training text: its accuracy may be too high"]


def test_a_language_is_told_by_its_stop_words(tmp_path: Path) -> None:
    german = corpus_of(tmp_path, [GERMAN * 5 + text(5) for _ in range(10)])
    (line,) = said(german)
    assert line.endswith("of 'en': set data.language=de")
    assert said(german, "de") == []
    assert said(corpus_of(tmp_path, [ENGLISH * 5 + text(5) for _ in range(10)])) == []
    assert said(corpus_of(tmp_path, [CODE * 5 + text(5) for _ in range(10)])) == []  # of no language


def test_a_text_with_two_labels_is_told_of(tmp_path: Path) -> None:
    texts = [text() for _ in range(20)]
    corpus = corpus_of(tmp_path, [*texts[:3], *texts], ["a", "a", "b", *(("a", "b")[i % 2] for i in range(20))])
    assert "2 texts have one label in one place and another in another" in said(corpus)


def test_a_text_that_is_many_and_a_text_that_is_none_are_told_of(tmp_path: Path) -> None:
    texts = [text(20) for _ in range(100)]
    long = corpus_of(tmp_path, [text(5000), *texts])
    assert said(long) == ["the longest text has 5,000 words, 95 of 100 have no more than 20: is it one text?"]
    empty = corpus_of(tmp_path, ["!?", *texts, "- -"])
    assert said(empty) == ["2 texts have no letter and no digit"]


def test_what_spoils_comes_first_and_labels_that_are_one_do(tmp_path: Path) -> None:
    texts = [text() for _ in range(20)]
    corpus = corpus_of(tmp_path, ["!?", *texts], ["pos", *(("pos", "Pos")[i % 2] for i in range(20))])
    found = said(corpus)
    assert found[0] == "the labels 'Pos', 'pos' differ so little that they may be meant as one"
    assert found[1:] == ["1 text has no letter and no digit"]


def test_labels_that_look_like_several_are_told_of(tmp_path: Path) -> None:
    labels = [("a", "b", "a, b")[i % 3] for i in range(21)]
    assert said(corpus_of(tmp_path, [text() for _ in range(21)], labels)) == [
        "the label 'a, b' looks like several labels: each text has one"
    ]
