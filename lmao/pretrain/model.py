"""The encoder with the output layers of its tasks: a batch comes in, predictions, or gradients and a loss, go out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmao.corpus.batches import Rows
from lmao.encoder.dropout import NO_DROPOUT, Dropout
from lmao.encoder.encoder import Encoder, TypeTable
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters, Shapes
from lmao.objectives.tasks import Batch, Task, TaskTargets


@dataclass(frozen=True)
class PretrainModel:
    """Has no weights of its own: they are passed to each call, and lie on the encoder's device."""

    encoder: Encoder
    types: TypeTable
    tasks: Sequence[Task]

    @cached_property
    def shapes(self) -> Shapes:
        shapes = self.encoder.shapes()
        for task in self.tasks:
            shapes |= task.output.shapes()
        return shapes

    def learn(
        self, weights: Parameters, batch: Batch, targets: Sequence[TaskTargets], texts: slice, dropout: Dropout,
        space: Workspace, gradients: Parameters,
    ) -> float:  # fmt: skip
        """Learn from some texts of a batch: adds their gradients, returns their share of the loss. targets: by task."""
        words, rows = batch.words(texts), self._rows(batch, texts)
        if not len(rows):
            return 0.0
        encoded, backprop_encoder = self.encoder(weights, self.types, batch.masked.texts.ids, rows, dropout, space)
        loss, d_encoded = 0.0, space.take("d_encoded", *encoded.shape)
        d_encoded[...] = 0
        for task, found in zip(self.tasks, targets, strict=True):
            share = found.share(texts if task.pooled else words)
            if not len(share.which):
                continue
            at = slice(None) if task.pooled else np.searchsorted(rows, batch.masked.rows[share.which])
            # An output layer's gradient overwrites its input, which the next task may need.
            sole = len(self.tasks) == 1 and (task.pooled or len(share.which) == len(rows))
            X = encoded if sole else encoded[at].copy()
            prediction, backprop_output = task.predict(weights, X, batch.segments.lengths[texts], space)
            gradient, own_loss = task.loss(prediction, share.targets)
            dX = backprop_output(gradient, gradients)
            loss += own_loss
            if sole:
                d_encoded = dX
            else:
                d_encoded[at] += dX
        backprop_encoder(d_encoded, gradients)
        return loss

    def predict(self, weights: Parameters, batch: Batch, space: Workspace) -> Iterator[tuple[Floats, Floats]]:
        """Each task's predictions of a whole batch, and what they should have been, on the host: (n, outputs) both."""
        texts = slice(0, len(batch.segments))
        rows, to_host = self._rows(batch, texts), self.encoder.device.to_host
        encoded, _ = self.encoder(weights, self.types, batch.masked.texts.ids, rows, NO_DROPOUT, space)
        for task in self.tasks:
            found = task.targets_of(batch)
            at = slice(None) if task.pooled else np.searchsorted(rows, batch.masked.rows[found.which])
            prediction, _ = task.predict(weights, encoded[at].copy(), batch.segments.lengths, space)
            yield to_host(prediction).copy(), to_host(found.targets.vectors)

    def _rows(self, batch: Batch, texts: slice) -> Rows:
        """The rows of the words whose encoding the tasks need: all words of some texts, or the masked ones."""
        if any(task.pooled for task in self.tasks):
            return batch.masked.texts.rows(texts)
        return batch.masked.rows[batch.words(texts)]
