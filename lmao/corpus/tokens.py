"""Texts through spaCy's tokenizer, in several processes if it pays: chunks of texts in, their forms out, in order."""

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmao.errors import UserError

Answer = TypeVar("Answer")

SMALL_CHARACTERS = 4_000_000  # below this, starting processes costs more than they save
# SudachiPy takes no more than 49,149 bytes, and 65,535 once it has written out characters such as "㍿": 4 for 1.
PIECE_CHARACTERS = 5_000
PIECES = re.compile(
    rf"(?s).{{1,{PIECE_CHARACTERS}}}(?<=[\s。\uff01\uff1f])(?!\s)|.{{1,{PIECE_CHARACTERS}}}"
)  # sentences


@dataclass(frozen=True)
class Forms:
    """A tokenized chunk: its distinct forms, where they stand, and what the forms seen for the first time are."""

    distinct: list[int]
    tokens: NDArray[np.int64]
    lengths: list[int]
    new: list[tuple[int, tuple[int, ...], str]]

    @classmethod
    def read(cls, language: str, texts: list[str]) -> "Forms":
        tokenizer, seen = _tokenizer(language)
        return cls._of([doc_of(tokenizer, text) for text in texts], seen)

    @classmethod
    def symbol(cls, language: str, symbol: str) -> "Forms":
        """One token, whatever the tokenizer would make of it."""
        from spacy.tokens import Doc

        tokenizer, seen = _tokenizer(language)
        return cls._of([Doc(tokenizer.vocab, words=[symbol])], seen)

    @classmethod
    def _of(cls, docs: list[Any], seen: set[int]) -> "Forms":
        from spacy.attrs import ORTH

        forms = np.concatenate([doc.to_array(ORTH) for doc in docs]) if docs else np.zeros(0, dtype=np.uint64)
        distinct, tokens = np.unique(forms, return_inverse=True)
        new: list[tuple[int, tuple[int, ...], str]] = []
        for form in distinct.tolist():
            if form not in seen:
                seen.add(form)
                lexeme = docs[0].vocab[form]
                features = (lexeme.lower, lexeme.prefix, lexeme.suffix, lexeme.shape)
                new.append((form, features, lexeme.lower_))
        return cls(distinct.tolist(), tokens, [len(doc) for doc in docs], new)


def doc_of(tokenizer: Any, text: str) -> Any:
    """The text's Doc; of one that is too long for the tokenizer, as Japanese ones may be, piece by piece."""
    try:
        return tokenizer(text)
    except Exception:  # each tokenizer raises its own
        if len(text) <= PIECE_CHARACTERS:
            raise
    from spacy.tokens import Doc

    return Doc.from_docs([tokenizer(piece) for piece in PIECES.findall(text)], ensure_whitespace=False)


def check_language(language: str) -> None:
    """Find a missing tokenizer before anything long begins.

    Raises:
        UserError: spaCy has none for this language here.
    """
    try:
        _tokenizer(language)
    except ImportError as error:
        reason = str(error).splitlines()[0]  # a package to install, unless spaCy doesn't know the language
        advice = "give a language's code, such as en" if reason.startswith("[E048]") else reason
        raise UserError(
            f"spaCy has no tokenizer for '{language}' here", setting="data.language", advice=advice
        ) from None


class _Own(threading.local):
    """A thread's tokenizers, and what each has reported; a worker process keeps them, too."""

    def __init__(self) -> None:
        self.tokenizers: dict[str, tuple[Any, set[int]]] = {}


_own = _Own()


def _tokenizer(language: str) -> tuple[Any, set[int]]:
    if language not in _own.tokenizers:
        _own.tokenizers[language] = (open_tokenizer(language), set())
    return _own.tokenizers[language]


def open_tokenizer(language: str) -> Any:
    """spaCy's. Of each new form it finds out what a token type has, and not the fifteen other attributes."""
    import spacy
    from spacy.attrs import LOWER, PREFIX, SHAPE, SUFFIX

    tokenizer = spacy.blank(language).tokenizer
    getters = tokenizer.vocab.lex_attr_getters
    tokenizer.vocab.lex_attr_getters = {attr: getters[attr] for attr in (LOWER, PREFIX, SUFFIX, SHAPE)}
    return tokenizer


def tokenize(chunks: Iterator[list[str]], language: str, threads: int) -> Iterator[Forms]:
    """The chunks tokenized, in order; in processes if there is enough to do."""
    _own.tokenizers.clear()
    few: list[list[str]] = []
    size = 0
    for chunk in chunks:
        few.append(chunk)
        size += sum(map(len, chunk))
        if size > SMALL_CHARACTERS:
            break
    if threads == 1 or size <= SMALL_CHARACTERS:
        for chunk in chain(few, chunks):
            yield Forms.read(language, chunk)
        return
    yield from in_processes(partial(Forms.read, language), chain(few, chunks), threads)


def in_processes(work: Callable[[list[str]], Answer], chunks: Iterable[list[str]], processes: int) -> Iterator[Answer]:
    """The results of `work`, which is sent to the processes, for each chunk, in order."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_live_with_parent) as pool:
        yield from _in_order(pool, work, chunks, 2 * processes)


def _in_order(
    pool: Executor, work: Callable[[list[str]], Answer], chunks: Iterable[list[str]], ahead: int
) -> Iterator[Answer]:
    """Results in the order of the chunks, never more than `ahead` of them in flight: memory stays flat."""
    waiting: list[Future[Answer]] = []
    for chunk in chunks:
        waiting.append(pool.submit(work, chunk))
        if len(waiting) >= ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _live_with_parent() -> None:
    """Signals reach the whole process group: the parent alone handles them. If it is killed, its workers end too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
