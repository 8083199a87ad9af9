"""Vectors of words and n-grams that tell documents apart: texts come in, a table of both goes out.

DV-ngrams-cosine (Thongtan & Phienthrakul 2019), kept for the n-grams: each document has a free vector, which is trained
to point towards its n-grams' vectors and away from those of others, and is thrown away.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Writer
from lmao.config.fields import settled
from lmao.config.vectors import DocumentVectors
from lmao.corpus.ngrams import Ids, Integers, Ngrams, find_ngrams, frequent_ngrams
from lmao.errors import UserError
from lmao.streams import key, stream
from lmao.vectors import document_kernels
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.table import StaticVectors, blocks_of, write_table, write_words

SEED = 0  # floret's is fixed, too: a table is made once, whatever a run's seed
DOCUMENTS_AT_ONCE = 64  # some hundredths of a second: how soon it can be stopped


@dataclass(frozen=True)
class NgramTable:
    """All that `vectors=document` stored, by the n-grams' length.

    shares: (n-grams,) float32, how often each occurs, as a share of the texts' words; known: which n-grams there are of
    2 words and more; tables: (n-grams, dims) float32.
    """

    shares: list[NDArray[np.float32]]
    known: list[Ngrams]
    tables: list[NDArray[np.float32]]

    @classmethod
    def of(cls, vectors: StaticVectors) -> "NgramTable":
        read, longer = vectors.entry.array, range(2, vectors.entry.meta["ngrams"] + 1)
        return cls(
            [np.array(read(f"shares{n}")) for n in (1, *longer)],
            [Ngrams(np.array(read(f"begins{n}")), np.array(read(f"lasts{n}"))) for n in longer],
            [read("table"), *(read(f"table{n}") for n in longer)],
        )


def train(config: DocumentVectors, texts: TrainingTexts, writer: Writer, advance: Callable[[float], None]) -> None:
    """Train and write the cache entry. On one thread the same texts and settings give the same bytes.

    `advance(words)` is called as words are done, each of them `epochs` times.

    Raises:
        UserError: fewer than two words are frequent enough, or the training diverges.
    """
    documents = list(texts.documents())
    offsets = np.concatenate([[0], np.cumsum([len(document) for document in documents], dtype=np.int64)])
    everything = np.concatenate([*documents, np.zeros(0, np.int32)])
    del documents
    chosen, words = _frequent_words(everything, texts, settled(config.min_count))
    known: list[Ngrams] = []
    sizes = [len(chosen)]
    found = [words]
    for n in range(2, config.ngrams + 1):
        known.append(frequent_ngrams(found[-1], words, offsets, n, (sizes[-1], sizes[0]), settled(config.min_count)))
        sizes.append(len(known[-1]))
        found.append(find_ngrams(found[-1], words, offsets, n, known[-1]))
    borders = np.cumsum([0, *sizes])
    ngrams = np.stack(
        [np.where(ids < 0, -1, ids + np.int32(start)) for ids, start in zip(found, borders, strict=False)]
    )
    del found
    counts = _counts(ngrams, int(borders[-1]))
    rows = _train(config, ngrams, offsets, counts, advance)
    if not np.isfinite(rows).all():
        raise UserError("the training of vectors diverged", setting="vectors.learn_rate", advice="lower it")
    _write(writer, config, [texts.words[word] for word in chosen], known, np.split(rows, borders[1:-1]))
    for n, part in enumerate(np.split(counts, borders[1:-1]), start=1):
        writer.array(f"shares{n}", (part / len(words)).astype(np.float32))


def _frequent_words(everything: Ids, texts: TrainingTexts, min_count: int) -> tuple[Integers, Ids]:
    """The ids of the frequent words, by falling frequency, and each token's place among them, or -1."""
    counts = np.bincount(everything, minlength=len(texts.words))
    order = np.argsort(-counts, kind="stable")
    listed = [word for word in order[: np.count_nonzero(counts >= min_count)] if _plain(texts.words[word])]
    if len(listed) < 2:
        raise UserError(
            f"fewer than two words occur {min_count} times in the texts",
            setting="vectors.min_count",
            advice="lower it or give more texts",
        )
    places = np.full(len(texts.words), -1, np.int32)
    places[listed] = np.arange(len(listed))
    return np.array(listed), places[everything]


def _plain(word: str) -> bool:
    """Is it its own lower-cased form? The table has no other."""
    return word != "" and word == word.lower()


def _counts(ngrams: Ids, size: int) -> Integers:
    counts = np.zeros(size, np.int64)
    for ids in ngrams:
        counts += np.bincount(ids[ids >= 0], minlength=size)
    return counts


def _train(
    config: DocumentVectors, ngrams: Ids, offsets: Integers, counts: Integers, advance: Callable[[float], None]
) -> NDArray[np.float32]:
    """The rows (n-grams, dims)."""
    size, texts = len(counts), len(offsets) - 1
    scale = np.float32(config.dims**-0.5)
    rows = stream(SEED, "document rows").standard_normal((size, config.dims), np.float32) * scale
    documents = stream(SEED, "document vectors").standard_normal((texts, config.dims), np.float32) * scale
    keep = np.sqrt(config.subsample * counts.sum() / counts).astype(np.float32)
    threshold, alias = np.empty(size, np.float32), np.empty(size, np.int32)
    weights = counts**0.75
    document_kernels.alias_table(weights / weights.mean(), threshold, alias)
    lengths = np.diff(offsets)
    epochs = settled(config.epochs)
    whole = max(1, int(lengths.sum()) * epochs)

    def blocks() -> Iterator[tuple[Integers, float, int]]:
        """Documents, the learning rate and the key of their draws."""
        done = 0
        for epoch in range(epochs):
            order = stream(SEED, "document order", epoch).permutation(texts)
            draws = key(SEED, "document draws", epoch)
            for start in range(0, texts, DOCUMENTS_AT_ONCE):
                block = order[start : start + DOCUMENTS_AT_ONCE]
                yield block, config.learn_rate * (1 - done / whole), draws
                done += int(lengths[block].sum())

    def work(block: tuple[Integers, float, int]) -> int:
        order, rate, draws = block
        document_kernels.train(
            order, offsets, ngrams, keep, threshold, alias, documents, rows, config.negatives, config.alpha, rate, draws
        )
        return int(lengths[order].sum())

    with ThreadPoolExecutor(config.threads) as executor:
        for words in executor.map(work, blocks()) if config.threads > 1 else map(work, blocks()):
            advance(words)
    return rows


def _write(
    writer: Writer, config: DocumentVectors, words: list[str], known: list[Ngrams], tables: list[NDArray[np.float32]]
) -> None:
    write_words(writer, words, np.arange(len(words)), tables[0], config.normalize)
    for n, (level, table) in enumerate(zip(known, tables[1:], strict=True), start=2):
        writer.array(f"begins{n}", level.begins)
        writer.array(f"lasts{n}", level.lasts)
        write_table(writer, blocks_of(table, np.arange(len(table)), config.normalize), table.shape, f"table{n}")
    writer.meta["ngrams"] = config.ngrams
