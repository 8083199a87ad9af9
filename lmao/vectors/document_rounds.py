"""The turns of `vectors=document`: chunks of n-grams come in, rows go out, alike with any number of threads, stopped in
between or not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from lmao.config.fields import settled
from lmao.config.vectors import DocumentVectors
from lmao.corpus.ngrams import Ids, Integers
from lmao.engine.parameters import Floats
from lmao.stop import StopSignal
from lmao.streams import key, stream
from lmao.unfinished import State, Unfinished
from lmao.vectors import document_kernels
from lmao.vectors.document_texts import ChunkFile

SEED = 0  # floret's is fixed, too: a table is made once, whatever a run's seed
BLOCK_ROWS = 4096  # 1.5 MB of 96 dimensions
GROUPS = 8  # as many threads may share the work
SAVE_SECONDS = 300  # what a kill may cost


@dataclass(frozen=True)
class Layout:
    """Where the n-grams' rows lie while they are trained: in blocks that a processor's cache holds.

    place (n-grams,) int32: its row; block (n-grams,) int32; borders (blocks + 1,): each one's first row; counts
    (n-grams,): how often each row's n-gram occurs.
    """

    place: Ids
    block: Ids
    borders: Integers
    counts: Integers

    @classmethod
    def of(cls, counts: Integers) -> "Layout":
        """Dealt out by falling frequency, to and fro, so that each block is about as often met as another."""
        blocks = max(1, round(len(counts) / BLOCK_ROWS))
        order = np.argsort(-counts, kind="stable")
        lap, dealt = np.divmod(np.arange(len(counts)), blocks)
        to = np.where(lap % 2 == 0, dealt, blocks - 1 - dealt)
        order, to = order[(by := np.argsort(to, kind="stable"))], to[by]
        place, block = np.empty(len(counts), np.int32), np.empty(len(counts), np.int32)
        place[order], block[order] = np.arange(len(counts)), to
        return cls(place, block, np.searchsorted(to, np.arange(blocks + 1)), counts[order])

    @property
    def blocks(self) -> int:
        return len(self.borders) - 1

    def chances(self) -> tuple[NDArray[np.float32], Ids]:
        """Each block's tables of `alias_table`, one after the other, for draws in proportion to count^0.75."""
        threshold, alias = np.empty(len(self.counts), np.float32), np.empty(len(self.counts), np.int32)
        weights = self.counts**0.75
        for a, b in pairwise(self.borders):
            document_kernels.alias_table(weights[a:b] / weights[a:b].mean(), threshold[a:b], alias[a:b])
        return threshold, alias


def train_rows(
    config: DocumentVectors, chunks: ChunkFile, layout: Layout, threads: int, advance: Callable[..., None],
    unfinished: Unfinished, stop: StopSignal,
) -> Floats:  # fmt: skip
    """The rows (n-grams, dims), laid out. See `lmao.vectors.document_training.train`."""
    epochs, training = settled(config.epochs), _Training(config, chunks, layout)
    unfinished.resume(training)
    whole, saved = max(1, int(chunks.offsets[-1]) * epochs), monotonic()
    if training.done:
        advance(0.0, before=float(training.done))
    with ThreadPoolExecutor(threads) as executor, stop.deferred():

        def for_groups(work: Callable[[int], None]) -> None:
            """Returns when all are done. A thread does its groups one by one."""

            def some(thread: int) -> None:
                for group in range(training.groups)[thread::threads]:
                    work(group)

            if threads == 1:
                some(0)
            else:
                list(executor.map(some, range(min(threads, training.groups))))

        while training.chunks < epochs * len(chunks):
            epoch, place = divmod(training.chunks, len(chunks))
            chunk = training.open(int(stream(SEED, "document chunks", epoch).permutation(len(chunks))[place]), epoch)
            for_groups(partial(training.draw, chunk))
            words = int(chunk.offsets[-1])
            for turn in range(training.turns, layout.blocks):
                rate = config.learn_rate * (1 - (training.done + words * turn / layout.blocks) / whole)
                for_groups(partial(training.train, chunk, turn, rate))
                training.turns = turn + 1
                advance(words / layout.blocks)
                if stop.requested is not None or monotonic() - saved > SAVE_SECONDS:
                    unfinished.save(training)
                    stop.check()
                    saved = monotonic()
            training.chunks, training.turns, training.done = training.chunks + 1, 0, training.done + words
    return training.rows


@dataclass(frozen=True)
class _Chunk:
    """Texts to be trained on once.

    ngrams, offsets: as `ChunkFile.read` gives them; documents (documents, dims): their vectors; cuts (groups + 1,): the
    first of each group; begins, pairs: what `draw_pairs` writes for each; draws, negatives: keys of random numbers.
    """

    ngrams: Ids
    offsets: Integers
    documents: Floats
    cuts: Integers
    begins: Integers
    pairs: list[Ids]
    draws: int
    negatives: int


class _Training:
    """Holds the rows, and the documents' vectors; how many chunks are done, counted through the epochs, with how many
    words, and how many turns of the next.

    A chunk is trained in as many turns as there are blocks. In each turn every group of its documents meets another
    block. So the groups of a turn have no row in common, and any number of threads computes the same.
    """

    def __init__(self, config: DocumentVectors, chunks: ChunkFile, layout: Layout) -> None:
        self.groups = min(GROUPS, layout.blocks)
        self.rows = _normal("document rows", len(layout.counts), config.dims)
        self._documents = _normal("document vectors", len(chunks.offsets) - 1, config.dims)
        self._config, self._chunks, self._layout = config, chunks, layout
        self._keep = np.sqrt(config.subsample * chunks.counts.sum() / chunks.counts).astype(np.float32)
        self._chances, self._others = layout.chances()
        self.chunks = self.turns = self.done = 0

    def state(self) -> State:
        values = {"chunks": self.chunks, "turns": self.turns, "done": self.done}
        return State({"rows": self.rows, "documents": self._documents}, values)

    def resume(self, state: State) -> None:
        self.rows[...], self._documents[...] = state.arrays["rows"], state.arrays["documents"]
        self.chunks, self.turns, self.done = (state.values[name] for name in ("chunks", "turns", "done"))

    def open(self, number: int, epoch: int) -> _Chunk:
        ngrams, offsets = self._chunks.read(number)
        documents = self._documents[self._chunks.borders[number] : self._chunks.borders[number + 1]]
        cuts = len(documents) * np.arange(self.groups + 1) // self.groups
        begins = np.empty((self.groups, self._layout.blocks + 1), np.int64)
        pairs = [np.empty((2, most), np.int32) for most in ngrams.shape[0] * np.diff(offsets[cuts])]
        keys = (key(SEED, f"document {name}", epoch, number) for name in ("draws", "negatives"))
        return _Chunk(ngrams, offsets, documents, cuts, begins, pairs, *keys)

    def draw(self, chunk: _Chunk, group: int) -> None:
        """The pairs of a group."""
        document_kernels.draw_pairs(
            chunk.cuts[group : group + 2], chunk.offsets, chunk.ngrams, self._keep, self._layout.place,
            self._layout.block, chunk.draws, chunk.begins[group], chunk.pairs[group],
        )  # fmt: skip

    def train(self, chunk: _Chunk, turn: int, rate: float, group: int) -> None:
        """A group with the block that it meets in this turn."""
        blocks = self._layout.blocks
        block = (turn + group * blocks // self.groups) % blocks
        document_kernels.train(
            chunk.pairs[group], chunk.begins[group, block : block + 2], self._layout.borders[block : block + 2],
            self._chances, self._others, chunk.documents, self.rows, self._config.negatives, self._config.alpha, rate,
            chunk.negatives + group * blocks + block,
        )  # fmt: skip


def _normal(name: str, *shape: int) -> Floats:
    """Of length 1 about."""
    rows = stream(SEED, name).standard_normal(shape, np.float32)
    rows *= np.float32(shape[1] ** -0.5)
    return rows
