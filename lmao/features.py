"""Texts to token types: every document once through the tokenizer, then numbered, written and kept in the cache."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Cache, Entry, Writer, key_of
from lmao.corpus import Corpus
from lmao.data import Document, Part, Source
from lmao.tokens import Forms, tokenize

VERSION = 1
MASK = "[MASK]"  # type 0 of every corpus
CHUNK_CHARACTERS = 500_000


def encode(
    source: Source, language: str, cache: Cache, threads: int, advance: Callable[[float], None]
) -> tuple[Corpus, bool]:
    """The source's corpus, from the cache or made now, and whether it was cached.

    Raises:
        UserError: the source's own, about the texts.
    """
    import spacy

    record = {
        "version": VERSION,
        "spacy": spacy.__version__,
        "source": source.name,
        "fingerprint": source.fingerprint(),
        "language": language,
    }
    name = key_of(record)
    with cache.lock("corpus", name):
        labels = cache.get("test_labels", name)
        entry = cache.get("corpus", name) if labels else None
        cached = entry is not None
        if entry is None:
            encoder = _CorpusWriter(language)
            entry = cache.put(
                "corpus", name, lambda writer: encoder.write(source.documents(), threads, writer, advance)
            )
            cache.put("test_labels", name, lambda writer: writer.array("labels", encoder.test_labels()))
    return _open(entry, lambda: _test_labels(cache, name)), cached


def _test_labels(cache: Cache, name: str) -> NDArray[np.int32]:
    entry = cache.get("test_labels", name)
    assert entry is not None, "written beside the corpus"
    return np.array(entry.array("labels"))


def _open(entry: Entry, test_labels: Callable[[], NDArray[np.int32]]) -> Corpus:
    return Corpus(
        tokens=entry.array("tokens"),
        offsets=np.array(entry.array("offsets")),
        types=np.array(entry.array("types")),
        type_words=np.array(entry.array("type_words")),
        words=json.loads((entry.path / "words.json").read_text(encoding="utf-8")),
        parts=np.array(entry.array("parts")),
        labels=np.array(entry.array("labels")),
        label_names=entry.meta["labels"],
        digest=entry.digest,
        test_labels=test_labels,
    )


class _CorpusWriter:
    """Numbers types and words in order of appearance; what it holds in memory is the vocabulary, not the text."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._types: dict[int, int] = {}  # hash of the form as written -> type
        self._features: dict[tuple[int, ...], int] = {}
        self._words: dict[str, int] = {}
        self._type_words: list[int] = []
        self._labels: list[str | None] = []
        self._parts: list[int] = []

    def write(
        self, documents: Iterator[Document], threads: int, writer: Writer, advance: Callable[[float], None]
    ) -> None:
        lengths: list[int] = []
        with (writer.path / "tokens.bin").open("wb") as file:
            first = Forms.read(self._language, [MASK])
            self._number(first)
            for forms in tokenize(self._chunks(documents), self._language, threads):
                self._number(forms).tofile(file)
                lengths.extend(forms.lengths)
                advance(float(sum(forms.lengths)))
        names = sorted({label for label in self._labels if label is not None})
        numbers = {name: i for i, name in enumerate(names)}
        self._label_ids = np.array([-1 if label is None else numbers[label] for label in self._labels], dtype=np.int32)
        parts = np.array(self._parts, dtype=np.uint8)
        _as_npy(writer.path / "tokens.bin", np.dtype(np.int32), sum(lengths))
        writer.array("offsets", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        writer.array("types", np.array(list(self._features), dtype=np.uint64))
        writer.array("type_words", np.array(self._type_words, dtype=np.int32))
        writer.array("parts", parts)
        writer.array("labels", np.where(parts == Part.TEST, -1, self._label_ids).astype(np.int32))
        (writer.path / "words.json").write_text(json.dumps(list(self._words)), encoding="utf-8")
        writer.meta["labels"] = names

    def test_labels(self) -> NDArray[np.int32]:
        return np.where(np.array(self._parts) == Part.TEST, self._label_ids, -1).astype(np.int32)

    def _chunks(self, documents: Iterator[Document]) -> Iterator[list[str]]:
        chunk: list[str] = []
        size = 0
        for document in documents:
            self._labels.append(document.label)
            self._parts.append(int(document.part))
            chunk.append(document.text)
            size += len(document.text)
            if size >= CHUNK_CHARACTERS:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _number(self, forms: "Forms") -> NDArray[np.int32]:
        for form, features, word in forms.new:
            if form not in self._types:
                if features not in self._features:
                    self._features[features] = len(self._features)
                    self._type_words.append(self._words.setdefault(word, len(self._words)))
                self._types[form] = self._features[features]
        numbers = np.array([self._types[form] for form in forms.distinct], dtype=np.int32)
        return numbers[forms.tokens]


def _as_npy(path: Any, dtype: np.dtype[Any], count: int) -> None:
    """Turn a raw file into the .npy of the same name without holding it in memory."""
    target = np.lib.format.open_memmap(path.with_suffix(".npy"), mode="w+", dtype=dtype, shape=(count,))
    with path.open("rb") as file:
        for start in range(0, count, 1 << 22):
            block = np.fromfile(file, dtype=dtype, count=min(1 << 22, count - start))
            target[start : start + len(block)] = block
    target.flush()
    path.unlink()
