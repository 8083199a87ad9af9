"""Objectives at work on a batch: encoded words come in, their gradient and the loss go out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.batches import Segments
from lmao.corpus.corpus import Corpus
from lmao.engine.device import Device
from lmao.engine.layers import Backprop, Workspace
from lmao.engine.parameters import Floats, Parameters
from lmao.engine.pooling import pool
from lmao.objectives.masking import MaskedTexts
from lmao.objectives.output import OutputLayer
from lmao.objectives.targets import Targets
from lmao.vectors.nearest import nearest, unit_rows

Loss = Callable[[Floats, Targets], tuple[Floats, float]]
Integers = NDArray[np.int64]

LOOKED_UP = 2000  # held-out words of which the nearest are looked up
NEAREST = 10
SAME = 1 - 1e-5  # a cosine above it: the same row


@dataclass(frozen=True)
class Batch:
    """Texts of a corpus with words masked; originals (rows,) int32 are the types before that."""

    corpus: Corpus
    segments: Segments
    masked: MaskedTexts
    originals: NDArray[np.int32]

    @cached_property
    def owners(self) -> Integers:
        """The text of each masked word."""
        return np.searchsorted(self.masked.texts.starts, self.masked.rows, side="right") - 1

    @cached_property
    def places(self) -> Integers:
        """Where each masked word stands in the corpus' tokens."""
        return self.segments.begins[self.owners] + self.masked.rows - self.masked.texts.starts[self.owners]

    def words(self, texts: slice) -> slice:
        """Which masked words are in some neighbouring texts."""
        first, last = np.searchsorted(self.owners, [texts.start, texts.stop])
        return slice(int(first), int(last))


@dataclass(frozen=True)
class TaskTargets:
    """What a task predicts of a batch: its texts or masked words, by number, ascending, and their targets."""

    which: Integers
    targets: Targets

    def share(self, which: slice) -> "TaskTargets":
        """Those whose numbers are in a range."""
        first, last = np.searchsorted(self.which, [which.start, which.stop])
        return TaskTargets(self.which[first:last], self.targets.share(slice(first, last)))


@dataclass(frozen=True)
class WordTable:
    """Vectors that stand for words: (rows, dims), the last row zeros; rows (types,) int32 into them, -1 for none."""

    vectors: Floats
    rows: NDArray[np.int32]


class Task(ABC):
    """A part of what pre-training learns: an output layer on the encoder, and a loss that counts `weight` times.

    pooled: whether it predicts from whole texts, not from masked words. labels: what the screen calls the figures that
    it measures; one without a label goes by its name. own_words: where it predicts the masked word itself, the table in
    which its predictions can be looked up.
    """

    pooled = False
    labels: ClassVar[Mapping[str, str]] = {}
    own_words: WordTable | None = None

    def __init__(self, name: str, weight: float, output: OutputLayer, loss: Loss, device: Device) -> None:
        self.name = name
        self.output = output
        self._weight = weight
        self._loss = loss
        self._device = device

    @abstractmethod
    def targets_of(self, batch: Batch) -> TaskTargets:
        """What it predicts from a batch."""

    def predict(self, weights: Parameters, X: Floats, lengths: Integers, space: Workspace) -> tuple[Floats, Backprop]:
        """Predictions from encoded words (n, width): one each, or, pooled, one for each text of lengths (texts,)."""
        return self.output(weights, X, space)

    def loss(self, prediction: Floats, targets: Targets) -> tuple[Floats, float]:
        """The gradient by the prediction, and the loss, of a share of a batch."""
        gradient, loss = self._loss(prediction, targets)
        return np.float32(self._weight) * gradient, self._weight * loss

    @abstractmethod
    def measure(self, predictions: Floats, targets: Floats) -> Mapping[str, float]:
        """Figures on held-out texts: predictions (n, outputs) and what they should have been."""


class WordTask(Task):
    """Predicts a vector from each masked word.

    pick(batch) gives the rows into `vectors` (rows, dims) of what each masked word should predict, (words,) or, side by
    side, (words, parts), -1 for nothing; the last row of `vectors` is zeros. row_weights (rows,) are the targets'.
    """

    labels: ClassVar[Mapping[str, str]] = {
        "cosine": "held-out cosine",
        "word_accuracy": "word@1",
        "word_accuracy_10": "word@10",
    }

    def __init__(
        self, name: str, weight: float, output: OutputLayer, loss: Loss, device: Device, vectors: Floats,
        row_weights: Floats, pick: Callable[[Batch], NDArray[np.int32]],
    ) -> None:  # fmt: skip
        super().__init__(name, weight, output, loss, device)
        self._vectors = vectors
        self._on_device = device.to_device(vectors)
        self._row_weights = row_weights
        self._pick = pick

    def targets_of(self, batch: Batch) -> TaskTargets:
        picked = self._pick(batch)
        rows = picked[:, None] if picked.ndim == 1 else picked
        own = rows[:, rows.shape[1] // 2]
        which = np.flatnonzero(own >= 0)
        rows, own = rows[which], own[which]
        distinct, places = np.unique(own, return_inverse=True)
        weights = self._row_weights[own]
        targets = Targets(
            vectors=self._on_device[rows].reshape(len(rows), rows.shape[1] * self._vectors.shape[1]),
            lengths=self._device.to_device(batch.masked.lengths[which]),
            weights=self._device.to_device(weights),
            total=float(weights.sum()),
            candidates=self._on_device[distinct],
            places=self._device.to_device(places),
        )
        return TaskTargets(which, targets)

    def measure(self, predictions: Floats, targets: Floats) -> Mapping[str, float]:
        """Cosine of prediction and target; how often the target is the nearest of all rows, or among ten."""
        dims = self._vectors.shape[1]
        middle = targets.shape[1] // dims // 2 * dims  # of three vectors side by side the word's own
        predicted, target = (unit_rows(array[:, middle : middle + dims]) for array in (predictions, targets))
        units = unit_rows(self._vectors)
        rows, _ = nearest(predicted[:LOOKED_UP], units, min(NEAREST, len(units)))
        # Compared by similarity, not by number: equal rows are equally right.
        hits = np.einsum("ikj,ij->ik", units[rows], target[:LOOKED_UP]) > SAME
        return {
            "cosine": float(np.einsum("ij,ij->i", predicted, target).mean()),
            "word_accuracy": float(hits[:, 0].mean()),
            "word_accuracy_10": float(hits.any(axis=1).mean()),
        }


class BytesTask(WordTask):
    """Predicts from each masked word some of its bytes, numbers from 0 to 255: `vectors` (rows, bytes)."""

    labels: ClassVar[Mapping[str, str]] = {"byte_accuracy": "bytes"}

    def measure(self, predictions: Floats, targets: Floats) -> Mapping[str, float]:
        """How many of the bytes are right."""
        best = predictions.reshape(*targets.shape, -1).argmax(axis=2)
        return {"byte_accuracy": float((best == targets).mean())}


class TextVectors(Protocol):
    """Vectors (texts, dims) of segments of the corpus' tokens."""

    dims: int

    def __call__(self, begins: Integers, lengths: Integers) -> Floats: ...


class DocumentTask(Task):
    """Predicts from each text's pooled encoding the vector that `texts` has for it, whatever is masked in it."""

    pooled = True
    labels: ClassVar[Mapping[str, str]] = {"document_cosine": "held-out document cosine"}

    def __init__(
        self, name: str, weight: float, output: OutputLayer, loss: Loss, device: Device, texts: TextVectors
    ) -> None:
        super().__init__(name, weight, output, loss, device)
        self._texts = texts

    def targets_of(self, batch: Batch) -> TaskTargets:
        vectors = self._texts(batch.segments.begins, batch.segments.lengths)
        count = len(vectors)
        whole = vectors.view(np.dtype((np.void, vectors.shape[1] * vectors.itemsize)))[:, 0]
        _, first, places = np.unique(whole, return_index=True, return_inverse=True)  # windows may be of one document
        targets = Targets(
            vectors=self._device.to_device(vectors),
            lengths=self._device.to_device(batch.segments.lengths),
            weights=self._device.to_device(np.ones(count, dtype=np.float32)),
            total=float(count),
            candidates=self._device.to_device(vectors[first]),
            places=self._device.to_device(places),
        )
        return TaskTargets(np.arange(count), targets)

    def predict(self, weights: Parameters, X: Floats, lengths: Integers, space: Workspace) -> tuple[Floats, Backprop]:
        pooled, backprop_pooling = pool(self.name, X, lengths, space)
        prediction, backprop_output = self.output(weights, pooled, space)

        def backprop(d_prediction: Floats, gradients: Parameters) -> Floats:
            return backprop_pooling(backprop_output(d_prediction, gradients))

        return prediction, backprop

    def measure(self, predictions: Floats, targets: Floats) -> Mapping[str, float]:
        """Cosine of prediction and target."""
        cosines = np.einsum("ij,ij->i", unit_rows(predictions), unit_rows(targets))
        return {"document_cosine": float(cosines.mean())}
