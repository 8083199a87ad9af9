"""Texts to token types: each document goes through the tokenizer once, and is numbered and kept in the cache."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Cache, Entry, Writer
from lmao.corpus.corpus import Corpus
from lmao.corpus.numbering import Numbering
from lmao.corpus.tokens import Forms, tokenize
from lmao.data.document import Document, Part, Source, chunks, documents_of
from lmao.data.parts import PartedSource

VERSION = 2
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

    fingerprint = source.fingerprint()
    record = {
        "version": VERSION,
        "spacy": spacy.__version__,
        "source": source.name,
        "fingerprint": fingerprint,
        "language": language,
    }

    def make(writer: Writer) -> None:
        _CorpusWriter(language).write(documents_of(source, fingerprint), threads, writer, advance)
        if isinstance(source, PartedSource) and source.notes:
            writer.meta["notes"] = source.notes

    entry, cached = cache.get_or_make("corpus", record, make)

    def test_labels() -> NDArray[np.int32]:
        def make(writer: Writer) -> None:
            writer.array("labels", _test_labels(documents_of(source, fingerprint), entry.meta["labels"]))

        return np.array(cache.get_or_make("test_labels", record, make)[0].array("labels"))

    return _open(entry, test_labels), cached


def _test_labels(documents: Iterable[Document], names: Sequence[str]) -> NDArray[np.int32]:
    """The label of each document, -1 if it isn't a test document: read from the source only when asked for."""
    numbers: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    labels = [numbers.get(d.label, -1) if d.part == Part.TEST else -1 for d in documents]
    return np.array(labels, dtype=np.int32)


def _open(entry: Entry, test_labels: Callable[[], NDArray[np.int32]]) -> Corpus:
    return Corpus(
        tokens=entry.array("tokens"),
        offsets=np.array(entry.array("offsets")),
        types=np.array(entry.array("types")),
        type_words=np.array(entry.array("type_words")),
        words=entry.json("words"),
        parts=np.array(entry.array("parts")),
        labels=np.array(entry.array("labels")),
        label_names=entry.meta["labels"],
        digest=entry.digest,
        test_labels=test_labels,
        notes=entry.meta.get("notes", ()),
    )


class _CorpusWriter:
    """Holds the vocabulary in memory, not the text."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._numbering = Numbering()
        self._labels: list[str | None] = []
        self._parts: list[int] = []

    def write(
        self, documents: Iterator[Document], threads: int, writer: Writer, advance: Callable[[float], None]
    ) -> None:
        lengths: list[int] = []
        with (writer.path / "tokens.bin").open("wb") as file:
            self._number(Forms.symbol(self._language, MASK))
            for forms in tokenize(self._texts(documents), self._language, threads):
                self._number(forms).tofile(file)
                lengths.extend(forms.lengths)
                advance(float(sum(forms.lengths)))
        names = sorted({label for label in self._labels if label is not None})
        numbers = {name: i for i, name in enumerate(names)}
        labels = np.array([-1 if label is None else numbers[label] for label in self._labels], dtype=np.int32)
        parts = np.array(self._parts, dtype=np.uint8)
        _as_npy(writer, "tokens", sum(lengths))
        writer.array("offsets", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        writer.array("types", np.array(list(self._numbering.features), dtype=np.uint64))
        writer.array("type_words", np.array(self._numbering.type_words, dtype=np.int32))
        writer.array("parts", parts)
        writer.array("labels", np.where(parts == Part.TEST, -1, labels).astype(np.int32))
        (writer.path / "words.json").write_text(json.dumps(list(self._numbering.words)), encoding="utf-8")
        writer.meta["labels"] = names

    def _texts(self, documents: Iterator[Document]) -> Iterator[list[str]]:
        for chunk in chunks(documents, CHUNK_CHARACTERS):
            self._labels += [document.label for document in chunk]
            self._parts += [int(document.part) for document in chunk]
            yield [document.text for document in chunk]

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
