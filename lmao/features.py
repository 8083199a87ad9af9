"""Text to token types: every document once through spaCy's tokenizer, then flat arrays on disk, memory-mapped.

A *token type* is a distinct (lower-case form, 1-letter prefix, 3-letter suffix, shape); a *word* is a distinct lower-case
form. Nothing after this station sees a text or a Doc.
"""

import json
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Cache, Entry, Writer, key_of
from lmao.data import Document, Part, Source

VERSION = 1
MASK = "[MASK]"  # type 0 of every corpus
CHUNK_CHARACTERS = 500_000
SMALL_CHARACTERS = 4_000_000  # below this, starting processes costs more than they save
HASH_SEEDS = (8, 9, 10, 11)  # what MultiHashEmbed gives its tables


@dataclass(frozen=True)
class Corpus:
    """Documents as type ids.

    tokens (tokens,) int32; offsets (documents + 1,) int64; types (types, 4) uint64 hashes of the four features;
    type_words (types,) int32; words: the lower-case forms; parts (documents,) uint8; labels (documents,) int32, -1 where
    there is none (test labels always); test_labels is a call, so that they are read only when asked for.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    types: NDArray[np.uint64]
    type_words: NDArray[np.int32]
    words: Sequence[str]
    parts: NDArray[np.uint8]
    labels: NDArray[np.int32]
    label_names: Sequence[str]
    digest: str
    test_labels: Callable[[], NDArray[np.int32]]

    def document(self, number: int) -> NDArray[np.int32]:
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]

    def word_ids(self, number: int) -> NDArray[np.int32]:
        """The document's words, white space left out."""
        words = self.type_words[self.document(number)]
        return words[~self._is_space[words]]

    def lines(self, documents: NDArray[np.int64]) -> Iterator[str]:
        """Each document as its words joined by spaces."""
        for number in documents:
            yield " ".join([self.words[word] for word in self.word_ids(int(number))])

    def type_counts(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """How often each type occurs in the documents; flat in memory."""
        counts = np.zeros(len(self.types), dtype=np.int64)
        for block in np.array_split(documents, max(1, len(documents) // 2000)):
            if len(block):
                tokens = np.concatenate([self.document(int(number)) for number in block])
                counts += np.bincount(tokens, minlength=len(counts))
        return counts

    @cached_property
    def type_is_space(self) -> NDArray[np.bool_]:
        """(types,): white space is a token to spaCy."""
        return self._is_space[self.type_words]

    @cached_property
    def _is_space(self) -> NDArray[np.bool_]:
        return np.fromiter((word.isspace() for word in self.words), dtype=bool, count=len(self.words))


def hash_rows(types: NDArray[np.uint64], embed_rows: Sequence[int]) -> NDArray[np.int32]:
    """The four rows of each feature's table, (types, 4, 4), counted through the tables laid end to end."""
    from thinc.api import NumpyOps

    ops = NumpyOps()
    rows = np.empty((len(types), 4, 4), dtype=np.int32)
    start = 0
    for feature, (seed, size) in enumerate(zip(HASH_SEEDS, embed_rows, strict=True)):
        ids = np.ascontiguousarray(types[:, feature])
        rows[:, feature] = ops.hash(ids, seed) % size + start
        start += size
    return rows


def encode(source: Source, language: str, cache: Cache, threads: int, advance: Callable[[float], None]) -> tuple[Corpus, bool]:
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
            entry = cache.put("corpus", name, lambda writer: encoder.write(source.documents(), threads, writer, advance))
            cache.put("test_labels", name, lambda writer: writer.array("labels", encoder.test_labels()))
    return _open(entry, lambda: _test_labels(cache, name)), cached


def _test_labels(cache: Cache, name: str) -> NDArray[np.int32]:
    entry = cache.get("test_labels", name)
    assert entry is not None, "written beside the corpus"
    return np.asarray(entry.array("labels"))


def _open(entry: Entry, test_labels: Callable[[], NDArray[np.int32]]) -> Corpus:
    return Corpus(
        tokens=entry.array("tokens"),
        offsets=np.asarray(entry.array("offsets")),
        types=np.asarray(entry.array("types")),
        type_words=np.asarray(entry.array("type_words")),
        words=json.loads((entry.path / "words.json").read_text(encoding="utf-8")),
        parts=np.asarray(entry.array("parts")),
        labels=np.asarray(entry.array("labels")),
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
            first = _Forms.read(self._language, [MASK])
            self._number(first)
            for forms in _tokenized(self._chunks(documents), self._language, threads):
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

    def _number(self, forms: "_Forms") -> NDArray[np.int32]:
        for form, features, word in forms.new:
            if form not in self._types:
                if features not in self._features:
                    self._features[features] = len(self._features)
                    self._type_words.append(self._words.setdefault(word, len(self._words)))
                self._types[form] = self._features[features]
        numbers = np.array([self._types[form] for form in forms.distinct], dtype=np.int32)
        return numbers[forms.tokens]


@dataclass(frozen=True)
class _Forms:
    """A tokenized chunk: its distinct forms, where they stand, and what the forms seen for the first time are."""

    distinct: list[int]
    tokens: NDArray[np.int64]
    lengths: list[int]
    new: list[tuple[int, tuple[int, ...], str]]

    @classmethod
    def read(cls, language: str, texts: list[str]) -> "_Forms":
        from spacy.attrs import ORTH

        tokenizer, seen = _tokenizer(language)
        docs = [tokenizer(text) for text in texts]
        forms = np.concatenate([doc.to_array(ORTH) for doc in docs]) if docs else np.zeros(0, dtype=np.uint64)
        distinct, tokens = np.unique(forms, return_inverse=True)
        new = []
        for form in distinct.tolist():
            if form not in seen:
                seen.add(form)
                lexeme = tokenizer.vocab[form]
                features = (lexeme.lower, lexeme.prefix, lexeme.suffix, lexeme.shape)
                new.append((form, features, lexeme.lower_))
        return cls(distinct.tolist(), tokens, [len(doc) for doc in docs], new)


_tokenizers: dict[str, tuple[Any, set[int]]] = {}  # one a process: a worker keeps its tokenizer and what it has reported


def _tokenizer(language: str) -> tuple[Any, set[int]]:
    if language not in _tokenizers:
        import spacy

        _tokenizers[language] = (spacy.blank(language).tokenizer, set())
    return _tokenizers[language]


def _tokenized(chunks: Iterator[list[str]], language: str, threads: int) -> Iterator[_Forms]:
    """The chunks tokenized, in order; by processes where there is enough to do."""
    _tokenizers.clear()
    few: list[list[str]] = []
    size = 0
    for chunk in chunks:
        few.append(chunk)
        size += sum(map(len, chunk))
        if size > SMALL_CHARACTERS:
            break
    if threads == 1 or size <= SMALL_CHARACTERS:
        for chunk in chain(few, chunks):
            yield _Forms.read(language, chunk)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(threads, context, initializer=_ignore_interrupt) as pool:
        yield from _in_order(pool, language, chain(few, chunks), 2 * threads)


def _in_order(pool: Executor, language: str, chunks: Iterable[list[str]], ahead: int) -> Iterator[_Forms]:
    """Results in the order of the chunks, never more than `ahead` of them in flight: memory stays flat."""
    waiting: list[Future[_Forms]] = []
    for chunk in chunks:
        waiting.append(pool.submit(_Forms.read, language, chunk))
        if len(waiting) >= ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _ignore_interrupt() -> None:
    """Ctrl-C reaches the whole process group; the parent alone answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _as_npy(path: Any, dtype: np.dtype[Any], count: int) -> None:
    """Turn a raw file into the .npy of the same name without holding it in memory."""
    target = np.lib.format.open_memmap(path.with_suffix(".npy"), mode="w+", dtype=dtype, shape=(count,))
    with path.open("rb") as file:
        for start in range(0, count, 1 << 22):
            block = np.fromfile(file, dtype=dtype, count=min(1 << 22, count - start))
            target[start : start + len(block)] = block
    target.flush()
    path.unlink()
