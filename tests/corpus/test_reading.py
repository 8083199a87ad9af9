"""New texts are read as spaCy reads them, whatever was read before."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import spacy
from spacy.attrs import LOWER, PREFIX, SHAPE, SUFFIX

from lmao.corpus import reading
from lmao.corpus.corpus import Corpus
from lmao.corpus.reading import TextReader

FEATURES = [LOWER, PREFIX, SUFFIX, SHAPE]


def assert_as_spacy(corpus: Corpus, texts: list[str], language: str = "en") -> None:
    tokenizer = spacy.blank(language).tokenizer
    assert len(corpus.offsets) == len(texts) + 1
    for number, text in enumerate(texts):
        doc = tokenizer(text)
        expected = doc.to_array(FEATURES).astype(np.uint64).reshape(-1, 4)
        np.testing.assert_array_equal(corpus.types[corpus.document(number)], expected, err_msg=repr(text))
        words = [corpus.words[word] for word in corpus.type_words[corpus.document(number)]]
        assert words == [token.lower_ for token in doc], text


def test_several_threads_read_what_one_reads() -> None:
    reader, texts = (
        TextReader("en"),
        [f"word{number} and other{number % 7} words{number % 50}." for number in range(300)],
    )
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: reader([text]), texts))
    expected = TextReader("en")(texts)

    def words(corpus: Corpus, number: int) -> list[str]:
        return [corpus.words[word] for word in corpus.type_words[corpus.document(number)]]

    assert [words(corpus, 0) for corpus in found] == [words(expected, number) for number in range(300)]


def test_what_is_half_read_when_ctrl_c_comes_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TextReader("en")
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_types", lambda forms: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            reader(["some words"])
    assert_as_spacy(reader(["some words", "and more words"]), ["some words", "and more words"])


def shuffled(count: int) -> Iterator[str]:
    """Texts of special cases, marks, words and white space, in any order."""
    draw = random.Random(0)
    parts = [
        *spacy.blank("en").tokenizer.rules,
        *"()[].,:;-'\"!? \n\t\u00a0",
        "  ",
        "word",
        "foo:)",
        "a",
        "m.",
        "Great",
    ]
    for _ in range(count):
        chosen = (draw.choice(parts) + draw.choice(["", " ", "", "\n", "  "]) for _ in range(draw.randint(0, 12)))
        yield "".join(chosen)


def test_texts_of_any_kind_are_read_as_spacy_reads_them() -> None:
    texts = list(shuffled(1500))
    reader = TextReader("en")
    assert_as_spacy(reader(texts[:700]), texts[:700])
    assert_as_spacy(reader(texts), texts)


def over_borders() -> Iterator[str]:
    """Texts that spaCy doesn't read piece by piece: a special case with a space in it hides one that has none."""
    tokenizer = spacy.blank("en").tokenizer
    for case in tokenizer.rules:
        for cut in range(1, len(case)):
            text = f"foo{case[:cut]} {case[cut:]}"
            pieces = [token.text for piece in text.split(" ") for token in tokenizer(piece)]
            if pieces != [token.text for token in tokenizer(text)]:
                yield text


def test_a_special_case_that_lies_over_a_space_is_read_as_spacy_reads_it() -> None:
    texts = list(over_borders())
    assert "foo:) )" in texts and len(texts) >= 5
    assert_as_spacy(TextReader("en")(texts), texts)
    around = [f"It was {text} , I say" for text in texts]
    assert_as_spacy(TextReader("en")(around), around)


@pytest.mark.parametrize("texts", [[], [""], ["", " ", "\n", "word", ""], [" a", "a ", "a  b", "a \n b"]])
def test_white_space_and_nothing(texts: list[str]) -> None:
    assert_as_spacy(TextReader("en")(texts), texts)


@pytest.mark.parametrize("language", ["de", "fr", "zh", "th", "fi"])
def test_other_languages(language: str) -> None:
    texts = ["Das ist z.B. gut :-) .", "C'est-à-dire l'arbre.", "这部电影很好看。", "ดีมาก", "1. hei, nähdään klo 12.30"]
    try:
        reader = TextReader(language)
    except ImportError:
        pytest.skip(f"no tokenizer for {language} is installed")
    assert_as_spacy(reader(texts), texts, language)


def test_the_vocabulary_is_forgotten_when_it_grows_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_PIECES", 20)
    reader, texts = TextReader("en"), list(shuffled(50))
    for start in range(0, 50, 5):
        assert_as_spacy(reader(texts[start : start + 5]), texts[start : start + 5])


def test_a_corpus_has_only_what_its_texts_have() -> None:
    reader = TextReader("en")
    reader(["many words that do not come again"])
    corpus = reader(["One word.", "One word more."])
    assert sorted(corpus.words) == [".", "more", "one", "word"]
    assert len(corpus.types) == len(corpus.type_words) == 4
