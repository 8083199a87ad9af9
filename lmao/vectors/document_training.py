"""Vectors of words and n-grams that tell documents apart: texts come in, a table of both goes out.

DV-ngrams-cosine (Thongtan & Phienthrakul 2019), kept for the n-grams: each document has a free vector, which is trained
to point towards its n-grams' vectors and away from those of others, and is thrown away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Writer
from lmao.config.fields import settled
from lmao.config.vectors import DocumentVectors
from lmao.corpus.ngrams import Ids, Integers, Ngrams, frequent_ngrams
from lmao.errors import UserError
from lmao.stop import StopSignal
from lmao.streams import stream
from lmao.unfinished import Unfinished
from lmao.vectors.document_rounds import SEED, Layout, train_rows
from lmao.vectors.document_texts import ChunkFile, NgramReader, WordFile
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.table import StaticVectors, blocks_of, write_table, write_words

VERSION = 2  # part of the cache's key


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


def train(
    config: DocumentVectors, texts: TrainingTexts, writer: Writer, threads: int, advance: Callable[..., None],
    unfinished: Unfinished, stop: StopSignal,
) -> None:  # fmt: skip
    """Train and write the cache entry. The same texts and settings give the same bytes, with any number of threads.

    threads: where the config names none. `advance(words)` is called as words are done, each of them `epochs` times,
    `before=` tells of those that an earlier run did. unfinished: where its state lies while it isn't done.

    Raises:
        UserError: fewer than two words are frequent enough, or the training diverges.
        Stopped: a signal came; the state is saved, if anything was trained.
    """
    with TemporaryDirectory(dir=writer.path) as name:
        file = WordFile.write(Path(name) / "words", texts.documents(), len(texts.words))
        chosen, numbers = _frequent_words(file.counts, texts, settled(config.min_count))
        known: list[Ngrams] = []
        for n in range(2, settled(config.ngrams) + 1):
            size = len(known[-1]) if known else len(chosen)
            reader = NgramReader(file, numbers, known)
            known = [*known, frequent_ngrams(reader, n, (size, len(chosen)), settled(config.min_count))]
        order = stream(SEED, "document order").permutation(len(file.offsets) - 1)
        chunks = ChunkFile.write(Path(name) / "ngrams", NgramReader(file, numbers, known), order)
        file.path.unlink()
        layout = Layout.of(chunks.counts)
        rows = train_rows(config, chunks, layout, config.threads or threads, advance, unfinished, stop)
    if not all(np.isfinite(part).all() for part in np.array_split(rows, layout.blocks)):
        raise UserError("the training of vectors diverged", setting="vectors.learn_rate", advice="lower it")
    borders = np.cumsum([len(chosen), *map(len, known)])
    of_words, *of_ngrams = np.split(layout.place, borders[:-1])
    write_words(
        writer, [texts.words[word] for word in chosen], np.arange(len(chosen)), rows[of_words], config.normalize
    )
    for n, (level, places) in enumerate(zip(known, of_ngrams, strict=True), start=2):
        writer.array(f"begins{n}", level.begins)
        writer.array(f"lasts{n}", level.lasts)
        write_table(writer, blocks_of(rows, places, config.normalize), (len(places), config.dims), f"table{n}")
    for n, part in enumerate(np.split(chunks.counts, borders[:-1]), start=1):
        writer.array(f"shares{n}", (part / file.offsets[-1]).astype(np.float32))
    writer.meta["ngrams"] = config.ngrams


def _frequent_words(counts: Integers, texts: TrainingTexts, min_count: int) -> tuple[Integers, Ids]:
    """The ids of the frequent words, by falling frequency, and each word's place among them, or -1."""
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
    return np.array(listed), places


def _plain(word: str) -> bool:
    """Is it its own lower-cased form? The table has no other."""
    return word != "" and word == word.lower()
