"""The tasks of a pre-training: an objective's parts and what targets are made of come in, tasks go out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmao.config.objective import AnyPart, CharactersObjective, DocumentObjective, HeadObjective, TrigramObjective
from lmao.corpus.selection import Selection
from lmao.corpus.syntax import head_rows
from lmao.encoder.encoder import Encoder
from lmao.engine.parameters import Floats
from lmao.objectives.characters import byte_targets
from lmao.objectives.losses import open_loss
from lmao.objectives.output import OutputLayer
from lmao.objectives.tasks import Batch, BytesTask, DocumentTask, Task, TextVectors, WordTable, WordTask
from lmao.objectives.whitening import prepare, sif_weights

BYTES = 256  # of one byte


@dataclass(frozen=True)
class TargetSources:
    """What targets are made of.

    texts: what is pre-trained on; rows (types,) int32 into vectors (rows, dims), whose last row is zeros, -1 where a
    type is not predicted; text_vectors(of) makes vectors of texts, or of the documents they are in; heads: by parser,
    (tokens,), see `lmao.corpus.syntax`.
    """

    texts: Selection
    rows: NDArray[np.int32]
    vectors: Floats
    text_vectors: Callable[[Literal["window", "document"]], TextVectors]
    heads: Mapping[str | None, NDArray[np.int32]]


def open_tasks(
    parts: Mapping[str, tuple[AnyPart, float]], sources: TargetSources, encoder: Encoder
) -> tuple[Sequence[Task], NDArray[np.bool_]]:
    """The parts, with their weights, as tasks; and which types (types,) may be masked: those that a part predicts."""
    tasks = [_open(name, part, weight, sources, encoder) for name, (part, weight) in parts.items()]
    words = ~sources.texts.corpus.type_is_space
    predictable = np.zeros(len(words), dtype=bool)
    for part, _ in parts.values():
        anything = isinstance(part, CharactersObjective | DocumentObjective)
        predictable |= words if anything else sources.rows >= 0
    return tasks, predictable


def _open(name: str, part: AnyPart, weight: float, sources: TargetSources, encoder: Encoder) -> Task:
    loss, device = open_loss(part), encoder.device

    def output(outputs: int) -> OutputLayer:
        return OutputLayer(name, part, encoder.width, outputs)

    if isinstance(part, DocumentObjective):
        texts = sources.text_vectors(part.predict)
        return DocumentTask(name, weight, output(texts.dims), loss, device, texts)
    if isinstance(part, CharactersObjective):
        vectors = byte_targets(sources.texts.corpus.words, part.characters)
        rows = np.where(sources.texts.corpus.type_is_space, -1, sources.texts.corpus.type_words).astype(np.int32)
        ones = np.ones(len(vectors), dtype=np.float32)
        pick = partial(_own, rows)
        return BytesTask(name, weight, output(vectors.shape[1] * BYTES), loss, device, vectors, ones, pick)
    rows, known = sources.rows, sources.rows >= 0
    counts = np.bincount(rows[known], sources.texts.counts[known], minlength=len(sources.vectors))
    vectors = prepare(sources.vectors, counts, part.center, part.whiten)
    row_weights = np.ones(len(vectors), dtype=np.float32) if part.sif is None else sif_weights(counts, part.sif)
    outputs, pick = vectors.shape[1], partial(_own, rows)
    if isinstance(part, TrigramObjective):
        outputs, pick = 3 * outputs, partial(_neighbours, rows)
    elif isinstance(part, HeadObjective):
        pick = partial(_heads, sources.heads[part.parser], rows)
    task = WordTask(name, weight, output(outputs), loss, device, vectors, row_weights, pick)
    if not isinstance(part, HeadObjective):
        task.own_words = WordTable(vectors, rows)
    return task


def _own(rows: NDArray[np.int32], batch: Batch) -> NDArray[np.int32]:
    return rows[batch.masked.types]


def _neighbours(rows: NDArray[np.int32], batch: Batch) -> NDArray[np.int32]:
    """The rows of the previous, the masked and the next word of the text: (n, 3)."""
    at, texts = batch.masked.rows, batch.masked.texts
    first = texts.starts[batch.owners]
    last = first + texts.lengths[batch.owners] - 1
    before = np.where(at > first, rows[batch.originals[np.maximum(at - 1, first)]], -1)
    after = np.where(at < last, rows[batch.originals[np.minimum(at + 1, last)]], -1)
    return np.stack([before, rows[batch.masked.types], after], axis=1).astype(np.int32)


def _heads(heads: NDArray[np.int32], rows: NDArray[np.int32], batch: Batch) -> NDArray[np.int32]:
    return head_rows(heads, batch.corpus.tokens, batch.places, rows)
