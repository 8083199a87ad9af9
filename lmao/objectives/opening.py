"""The tasks of a pre-training: an objective's parts and what targets are made of come in, tasks go out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmao.config.objective import (
    AnyPart,
    CharactersObjective,
    ContrastiveObjective,
    CosineObjective,
    DocumentObjective,
    HeadObjective,
    L2Objective,
    OutputSettings,
    TrigramObjective,
    VmfObjective,
    WordObjective,
)
from lmao.corpus.selection import Selection
from lmao.corpus.syntax import head_rows
from lmao.encoder.encoder import Encoder
from lmao.engine.parameters import Floats
from lmao.objectives.characters import VALUES, byte_targets, characters
from lmao.objectives.contrastive import contrastive
from lmao.objectives.cosine import cosine
from lmao.objectives.document import document
from lmao.objectives.l2 import l2
from lmao.objectives.output import OutputLayer
from lmao.objectives.tasks import Batch, BytesTask, DocumentTask, Loss, Task, TextVectors, WordTable, WordTask
from lmao.objectives.trigram import PARTS, trigram
from lmao.objectives.vmf import vmf
from lmao.objectives.whitening import prepare, sif_weights

Pick = Callable[[Batch], NDArray[np.int32]]  # rows of the table, of each masked word: see `WordTask`


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
        predictable |= sources.rows >= 0 if part.of_words and part.of_vectors else words
    return tasks, predictable


def _open(name: str, part: AnyPart, weight: float, sources: TargetSources, encoder: Encoder) -> Task:
    make = _Maker(name, part, weight, sources, encoder)
    match part:
        case L2Objective():
            return make.of_words(l2, part)
        case CosineObjective():
            return make.of_words(cosine, part)
        case VmfObjective():
            loss = partial(vmf, length_penalty=part.length_penalty, alignment=part.alignment)
            return make.of_words(loss, part)
        case ContrastiveObjective():
            return make.of_words(partial(contrastive, temperature=part.temperature), part)
        case TrigramObjective():
            return make.of_words(trigram, part, partial(_neighbours, sources.rows), PARTS)
        case HeadObjective():
            return make.of_words(cosine, part, partial(_heads, sources.heads[part.parser], sources.rows))
        case CharactersObjective():
            return make.of_bytes(characters, part.characters)
        case DocumentObjective():
            loss = partial(document, contrastive=part.contrastive, temperature=part.temperature)
            return make.of_texts(loss, part.predict)


@dataclass(frozen=True)
class _Maker:
    """Tasks of a part of an objective."""

    name: str
    settings: OutputSettings
    weight: float
    sources: TargetSources
    encoder: Encoder

    def of_words(self, loss: Loss, part: WordObjective, pick: Pick | None = None, side_by_side: int = 1) -> Task:
        """From each masked word its vector, or what `pick` finds: so many vectors of the table, side by side."""
        rows, known = self.sources.rows, self.sources.rows >= 0
        counts = np.bincount(rows[known], self.sources.texts.counts[known], minlength=len(self.sources.vectors))
        vectors = prepare(self.sources.vectors, counts, part.center, part.whiten)
        row_weights = np.ones(len(vectors), dtype=np.float32) if part.sif is None else sif_weights(counts, part.sif)
        output, pick = self._output(side_by_side * vectors.shape[1]), pick or partial(_own, rows)
        task = WordTask(self.name, self.weight, output, loss, self.encoder.device, vectors, row_weights, pick)
        task.own_words = WordTable(vectors, rows) if part.own_vector else None
        return task

    def of_bytes(self, loss: Loss, characters: int) -> Task:
        corpus = self.sources.texts.corpus
        vectors = byte_targets(corpus.words, characters)
        rows = np.where(corpus.type_is_space, -1, corpus.type_words).astype(np.int32)
        ones = np.ones(len(vectors), dtype=np.float32)
        output, pick = self._output(vectors.shape[1] * VALUES), partial(_own, rows)
        return BytesTask(self.name, self.weight, output, loss, self.encoder.device, vectors, ones, pick)

    def of_texts(self, loss: Loss, predicted: Literal["window", "document"]) -> Task:
        texts = self.sources.text_vectors(predicted)
        return DocumentTask(self.name, self.weight, self._output(texts.dims), loss, self.encoder.device, texts)

    def _output(self, outputs: int) -> OutputLayer:
        return OutputLayer(self.name, self.settings, self.encoder.width, outputs)


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
