"""Texts of every language: none is too long for its tokenizer, and a tokenizer of another language is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import spacy

from lmao.cache import Cache
from lmao.corpus.encoding import encode
from lmao.corpus.scripts import misfit
from lmao.corpus.tokens import doc_of
from lmao.data.document import Document, Part

ENGLISH = "It's a film (of 1999) that nobody should miss. "
TEXTS = {
    "en": ENGLISH,
    "zh": "这部电影非常好看。我很喜欢。 ",
    "ja": "この映画はとても面白かったです。 ",
    "ko": "이 영화는 정말 재미있었다. ",
    "th": "ภาพยนตร์เรื่องนี้ดีมาก ",
    "ar": "هذا الفيلم جميل جدا. ",
    "he": "הסרט הזה טוב מאוד. ",
    "ru": "Этот фильм очень хороший. ",
    "el": "Αυτή η ταινία είναι πολύ καλή. ",
    "hi": "यह फिल्म बहुत अच्छी है। ",
}


@dataclass
class Texts:
    texts: list[str]
    name: str = "texts"

    def fingerprint(self) -> str:
        return repr(self.texts)

    def documents(self) -> Iterator[Document]:
        for text in self.texts:
            yield Document(text, None, Part.UNLABELLED)


def found(tmp_path: Path, texts: list[str], language: str) -> str | None:
    corpus, _ = encode(Texts(texts), "en", Cache(tmp_path, print), threads=1, advance=lambda words: None)
    return misfit(corpus, language)


@pytest.mark.parametrize("language", TEXTS)
def test_texts_in_a_script_that_the_language_has_not_are_told(tmp_path: Path, language: str) -> None:
    texts = [TEXTS[language]] * 3
    assert found(tmp_path, texts, language) is None
    assert found(tmp_path, texts, "xx") is None
    other = "ja" if language == "en" else "en"
    line = found(tmp_path, texts, other)
    assert line is not None and f"but data.language is '{other}': set data.language" in line
    assert language == "en" or f"set data.language={language}" in line


def test_a_minority_of_foreign_letters_is_no_misfit(tmp_path: Path) -> None:
    assert found(tmp_path, [TEXTS["en"]] * 3 + [TEXTS["ru"]], "en") is None
    assert found(tmp_path, ["123 !!"], "en") is None
    assert found(tmp_path, [TEXTS["en"]], "de") is None


def test_a_text_beyond_a_tokenizers_limit_is_taken_in_pieces() -> None:
    tokenizer = spacy.blank("en").tokenizer

    def limited(text: str) -> Any:
        if len(text.encode()) > 49_149:
            raise ValueError("too long")
        return tokenizer(text)

    long = ENGLISH * 2_000 + "\n\n" + ENGLISH
    doc, whole = doc_of(limited, long), tokenizer(long)
    assert doc.text == long
    assert [(token.text, token.idx) for token in doc] == [(token.text, token.idx) for token in whole]
    unbroken = "x" * 60_000
    assert doc_of(limited, unbroken).text == unbroken
    with pytest.raises(ValueError, match="too short"):
        doc_of(_refuses, "a text that it does not take, however short")


def _refuses(text: str) -> Any:
    raise ValueError("too short")


def test_japanese_texts_beyond_49149_bytes_are_tokenized() -> None:
    pytest.importorskip("sudachipy", reason="Japanese needs sudachipy and sudachidict_core")
    tokenizer = spacy.blank("ja").tokenizer
    doc = doc_of(tokenizer, TEXTS["ja"] * 2_000)
    assert doc.text == TEXTS["ja"] * 2_000
    assert len(doc) == 2_000 * len(tokenizer(TEXTS["ja"]))
