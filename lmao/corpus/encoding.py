"""Texts to token types: each document goes through the tokenizer once, and is numbered and kept in the cache."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache as once

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Cache, Entry, Writer, code_digest
from lmao.corpus.corpus import Corpus
from lmao.corpus.numbering import Numbering
from lmao.corpus.tokens import Forms, tokenize
from lmao.data.document import Document, Part, Source, chunks, documents_of
from lmao.data.parts import PartedSource
from lmao.paths import PACKAGE

VERSION = 3
MASK = "[MASK]"  # type 0 of every corpus
CHUNK_CHARACTERS = 500_000


def encode(
    source: Source, language: str, cache: Cache, threads: int, advance: Callable[[float], None]
) -> tuple[Corpus, bool]:
    """The source's corpus, from the cache or made now, and whether it was cached.

    Tokens are kept by the texts alone: with other labels they, and all that is made of them, are in the cache.

    Raises:
        UserError: the source's own, about the texts.
    """
    import spacy

    fingerprint = source.fingerprint()
    annotated = {"version": VERSION, "reader": _reader(), "source": source.name, "fingerprint": fingerprint}

    def annotate(writer: Writer) -> None:
        writer.meta["texts"] = _write_labels(documents_of(source, fingerprint), writer)
        if isinstance(source, PartedSource) and source.notes:
            writer.meta["notes"] = source.notes

    def make(writer: Writer) -> None:
        _CorpusWriter(language).write(documents_of(source, fingerprint), threads, writer, advance)

    labels, _ = cache.get_or_make("labels", annotated, annotate)
    record = {"version": VERSION, "spacy": spacy.__version__, "texts": labels.meta["texts"], "language": language}
    entry, cached = cache.get_or_make("corpus", record, make)

    def test_labels() -> NDArray[np.int32]:
        def make(writer: Writer) -> None:
            writer.array("labels", _test_labels(documents_of(source, fingerprint), labels.meta["labels"]))

        return np.array(cache.get_or_make("test_labels", annotated, make)[0].array("labels"))

    return _open(entry, labels, test_labels, fingerprint), cached


@once
def _reader() -> str:
    """What a file's texts and labels are is up to the modules that read it."""
    return code_digest(PACKAGE / "data")


def _write_labels(documents: Iterator[Document], writer: Writer) -> str:
    """Write each document's label and part; returns the digest of the texts."""
    digest, labels, parts = hashlib.sha256(), list[str | None](), list[int]()
    for document in documents:
        text = document.text.encode()
        digest.update(len(text).to_bytes(8) + text)
        labels.append(document.label)
        parts.append(int(document.part))
    names = sorted({label for label in labels if label is not None})
    numbers: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    is_test = np.array(parts, dtype=np.uint8) == Part.TEST
    writer.array("parts", np.array(parts, dtype=np.uint8))
    writer.array("labels", np.where(is_test, -1, [numbers.get(label, -1) for label in labels]).astype(np.int32))
    writer.meta["labels"] = names
    return digest.hexdigest()


def _test_labels(documents: Iterable[Document], names: Sequence[str]) -> NDArray[np.int32]:
    """The label of each document, -1 if it isn't a test document: read from the source only when asked for."""
    numbers: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    labels = [numbers.get(d.label, -1) if d.part == Part.TEST else -1 for d in documents]
    return np.array(labels, dtype=np.int32)


def _open(entry: Entry, labels: Entry, test_labels: Callable[[], NDArray[np.int32]], fingerprint: str) -> Corpus:
    return Corpus(
        tokens=entry.array("tokens"),
        offsets=np.array(entry.array("offsets")),
        types=np.array(entry.array("types")),
        type_words=np.array(entry.array("type_words")),
        words=entry.json("words"),
        parts=np.array(labels.array("parts")),
        labels=np.array(labels.array("labels")),
        label_names=labels.meta["labels"],
        digest=entry.digest,
        test_labels=test_labels,
        notes=labels.meta.get("notes", ()),
        fingerprint=fingerprint,
    )


class _CorpusWriter:
    """Holds the vocabulary in memory, not the text."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._numbering = Numbering()

    def write(
        self, documents: Iterator[Document], threads: int, writer: Writer, advance: Callable[[float], None]
    ) -> None:
        lengths: list[int] = []
        with (writer.path / "tokens.bin").open("wb") as file:
            self._number(Forms.symbol(self._language, MASK))
            texts = ([document.text for document in chunk] for chunk in chunks(documents, CHUNK_CHARACTERS))
            for forms in tokenize(texts, self._language, threads):
                file.write(np.ascontiguousarray(self._number(forms)).data)  # tofile may lose the end without a word
                lengths.extend(forms.lengths)
                advance(float(sum(forms.lengths)))
        _as_npy(writer, "tokens", sum(lengths))
        writer.array("offsets", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        writer.array("types", np.array(list(self._numbering.features), dtype=np.uint64))
        writer.array("type_words", np.array(self._numbering.type_words, dtype=np.int32))
        (writer.path / "words.json").write_text(json.dumps(list(self._numbering.words)), encoding="utf-8")

    def _number(self, forms: "Forms") -> NDArray[np.int32]:
        for form, features, word in forms.new:
            self._numbering.add(form, features, word)
        numbers = np.array([self._numbering.type_of(form) for form in forms.distinct], dtype=np.int32)
        return numbers[forms.tokens]


def _as_npy(writer: Writer, name: str, count: int) -> None:
    """Turn a raw file of int32 into the .npy of the same name."""
    path = writer.path / f"{name}.bin"
    with path.open("rb") as raw, writer.blocks(name, "<i4", (count,)) as write:
        while block := raw.read(1 << 22):
            write(np.frombuffer(block, "<i4"))
    path.unlink()
