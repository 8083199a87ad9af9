"""Language modelling with approximate outputs: the encoder learns to predict the vectors of masked words, of documents,
or what else its tasks ask for."""

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao.config.pretrain import Pretrain
from lmao.corpus.batches import Rows, Runs, batches, lay_out, windows
from lmao.corpus.corpus import Corpus
from lmao.encoder.dropout import NO_DROPOUT, Dropout
from lmao.encoder.encoder import Encoder, TypeTable
from lmao.engine.initialization import initialize
from lmao.engine.layers import Workspace
from lmao.engine.optimizer import Adam, learning_rate
from lmao.engine.parameters import Floats, Parameters
from lmao.engine.team import Team, shares
from lmao.errors import Diverged, UserError
from lmao.objectives.masking import Masking
from lmao.objectives.tasks import Batch, Task, Wanted
from lmao.pretrain.checkpoint import Checkpoints, Epoch, State
from lmao.pretrain.mixing import Mixing
from lmao.stop import StopSignal
from lmao.streams import key, stream

HELDOUT_DOCUMENTS = 500  # enough for two digits, and never a large part of an epoch's time
# The same wherever words are masked, or the settings that make the task easiest would look best.
HELDOUT_MASKING = {"mask_rate": 0.15, "mask_symbol": 1.0, "random_word": 0.0, "span": 1.0}
NO_MASKING = {"mask_rate": 0.0}


class Pretraining:
    """One pre-training, epoch by epoch, resumed from where its checkpoints stand.

    documents (n,) are the numbers of the texts it may use; a slice of them is held out, and measured on. predictable
    (types,) bool: the types that may be masked. mixing: the classifier's updates between the others. before: how many
    epochs went before with the same seed, whose draws are not to come again.

    Raises:
        UserError: there are too few texts, or no word of them has a vector.
    """

    def __init__(
        self, settings: Pretrain, encoder: Encoder, corpus: Corpus, types: TypeTable, tasks: Sequence[Task],
        predictable: NDArray[np.bool_], documents: NDArray[np.int64], seed: int, mixing: Mixing | None = None,
        before: int = 0,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._encoder = encoder
        self._corpus = corpus
        self._types = types
        self.tasks = tasks
        self.mixing = mixing
        self._pooled = any(task.pooled for task in tasks)
        self._seed = seed
        self._before = before
        mixed = stream(seed, "heldout").permutation(documents)
        count = min(HELDOUT_DOCUMENTS, max(1, round(len(documents) * settings.heldout)))
        self._heldout = windows(corpus, mixed[:count], settings.window_words)
        self._texts = windows(corpus, np.sort(mixed[count:]), settings.window_words)
        counts = corpus.type_counts(documents)
        if not len(self._texts):
            raise UserError("too few texts to pre-train on: raise data.pretrain_documents, or set pretrain.epochs=0")
        if not (counts * predictable).any():
            raise UserError("no word of the texts has a vector to predict: choose other vectors, or vectors.target")
        self._masking = Masking(settings, counts, predictable)
        heldout = HELDOUT_MASKING if settings.mask_rate else NO_MASKING
        self._heldout_masking = Masking(settings.model_copy(update=heldout), counts, predictable)
        self.shapes = encoder.shapes()
        for task in tasks:
            self.shapes |= task.head.shapes()
        self._softmax: list[str] = []  # what the tasks don't have
        if mixing is not None:
            self._softmax = [name for name in mixing.shapes if name not in self.shapes]
            self.shapes |= mixing.shapes
        self.optimizer = Adam(settings, initialize(self.shapes, seed), encoder.device)
        self._step = 0  # finished batches of the epoch that runs, with their
        self._loss = 0.0
        self._seconds = 0.0
        self.epochs: list[Epoch] = []

    def start_from(self, weights: Parameters) -> None:
        """Take over the arrays that are there of an earlier pre-training."""
        arrays = {name: self._encoder.device.to_device(weights[name]) for name in self.shapes if name in weights.shapes}
        self.optimizer.weights.copy_from(arrays)
        self.optimizer.average[:] = self.optimizer.weights.flat

    def resume(self, checkpoints: Checkpoints, epochs: int) -> None:
        """Take up the latest state, unless it lies beyond the epochs asked for."""
        state = checkpoints.state()
        if state is None or (state.epoch, state.step) > (epochs, 0):
            return
        for name, array in self.optimizer.arrays().items():
            array[:] = self._encoder.device.to_device(state.arrays[name])
        self.optimizer.steps, self.optimizer.missed = state.updates, dict(state.missed)
        self._step, self._loss, self._seconds = state.step, state.loss, state.seconds
        self.epochs = list(state.epochs)
        if (state.epoch, state.step) == (epochs, 0):  # its weights are missing or damaged, or it would not be asked for
            checkpoints.save_epoch(self.weights().flat, self.epochs)

    @property
    def words(self) -> int:
        """Of the epoch that runs."""
        return int(self._order().lengths.sum())

    @property
    def words_done(self) -> int:
        """Of the epoch that runs."""
        texts = self._order()
        steps = batches(texts.lengths, self._settings.batch_words)
        return int(sum(texts.lengths[step].sum() for step in steps[: self._step]))

    def weights(self) -> Parameters:
        """A copy of the averaged weights, on the host."""
        average = self.optimizer.averages()
        return average.like(self._encoder.device.to_host(average.flat))

    def run_epoch(self, checkpoints: Checkpoints, team: Team, stop: StopSignal, advance: Callable[..., None]) -> Epoch:
        """The next epoch, or what is left of it; `advance(words, loss=…)` is told of each step.

        Raises:
            Diverged: the loss is not finite.
            Stopped: a signal came; the state is saved.
        """
        number = len(self.epochs) + 1
        texts = self._order()
        steps = batches(texts.lengths, self._settings.batch_words)
        gradients = team.gradients(self.optimizer.weights.flat.size)
        began = saved = perf_counter()
        with stop.deferred():
            for step in range(self._step, len(steps)):
                loss = self.update(texts[steps[step]], self._before + number, step, team, gradients)
                if self.mixing is not None and self.mixing.is_due(self.optimizer.steps):
                    self._check(self.mixing.update(self.optimizer, team, gradients), number, step)
                self._step, self._loss = step + 1, self._loss + loss
                now = perf_counter()
                self._seconds, began = self._seconds + now - began, now
                if stop.requested is not None or now - saved > 60 * self._settings.save_minutes:
                    checkpoints.save_state(self._state())
                    stop.check()
                    saved = began = perf_counter()
                advance(float(texts.lengths[steps[step]].sum()), loss=self._loss / self._step)
            average = self.optimizer.averages()
            if not np.isfinite(average.flat).all():
                raise self._diverged(f"the weights are not finite after epoch {number}")
            words = int(texts.lengths.sum())
            epoch = Epoch(number, words, self._seconds, self._loss / len(steps), self._measure(average, team))
            self.epochs.append(epoch)
            self._step, self._loss, self._seconds = 0, 0.0, 0.0
            checkpoints.save_epoch(self._encoder.device.to_host(average.flat), self.epochs)
            checkpoints.save_state(self._state())
        return epoch

    def _order(self) -> Runs:
        """The texts of the epoch that runs, in its order."""
        mixed = stream(self._seed, "pretrain order", self._before + len(self.epochs) + 1).permutation(len(self._texts))
        if self._settings.epoch_words is not None:
            before = np.cumsum(self._texts.lengths[mixed]) - self._texts.lengths[mixed]
            mixed = mixed[before < self._settings.epoch_words]
        return self._texts[mixed]

    def update(self, texts: Runs, epoch: int, step: int, team: Team, gradients: Floats) -> float:
        """One step; the loss of the batch."""
        settings = self._settings
        batch = self.batch(texts, self._masking, stream(self._seed, "pretrain mask", epoch, step))
        wanted = [task.wanted(batch) for task in self.tasks]
        if not any(len(found.which) for found in wanted):
            return 0.0
        dropout = Dropout(settings.dropout, settings.vector_dropout, key(self._seed, "pretrain dropout", epoch, step))

        def work(member: int, which: slice) -> float:
            own = self.optimizer.weights.like(gradients[member])
            return self.learn(batch, wanted, which, dropout, team.workspaces[member], own)

        loss = sum(team.map(work, shares(texts.lengths, team.threads)))
        self._check(loss, epoch, step)
        rate = learning_rate(settings, self.optimizer.steps)
        self.optimizer.step(gradients, rate, team.executor, self._softmax)
        return loss

    def _check(self, loss: float, epoch: int, step: int) -> None:
        if not np.isfinite(loss):
            raise self._diverged(f"the loss is not finite in epoch {epoch}, step {step + 1}")

    def batch(self, texts: Runs, masking: Masking, generator: np.random.Generator) -> Batch:
        whole = lay_out(self._corpus, texts, self._encoder.gap)
        return Batch(self._corpus, texts, masking(whole, generator), whole.ids)

    def _diverged(self, what: str) -> Diverged:
        rate = self._settings.learn_rate
        return Diverged(f"pre-training diverged: {what}: lower pretrain.learn_rate, {rate:g} now")

    def learn(
        self, batch: Batch, wanted: Sequence[Wanted], texts: slice, dropout: Dropout, space: Workspace,
        gradients: Parameters,
    ) -> float:  # fmt: skip
        """From some texts of a batch: adds their gradients, returns their share of the loss."""
        weights, words = self.optimizer.weights, batch.words(texts)
        rows = self._rows(batch, texts)
        if not len(rows):
            return 0.0
        encoded, backprop_encoder = self._encoder(weights, self._types, batch.masked.texts.ids, rows, dropout, space)
        loss, d_encoded = 0.0, space.take("d_encoded", *encoded.shape)
        d_encoded[...] = 0
        for task, found in zip(self.tasks, wanted, strict=True):
            part = found.part(texts if task.pooled else words)
            if not len(part.which):
                continue
            at = slice(None) if task.pooled else np.searchsorted(rows, batch.masked.rows[part.which])
            # A head's gradient takes the place of what it was given, which the next task may need.
            sole = len(self.tasks) == 1 and (task.pooled or len(part.which) == len(rows))
            X = encoded if sole else encoded[at].copy()
            prediction, backprop_head = task.predict(weights, X, batch.runs.lengths[texts], space)
            gradient, own_loss = task.loss(prediction, part.targets)
            dX = backprop_head(gradient, gradients)
            loss += own_loss
            if sole:
                d_encoded = dX
            else:
                d_encoded[at] += dX
        backprop_encoder(d_encoded, gradients)
        return loss

    def _rows(self, batch: Batch, texts: slice) -> Rows:
        """The words whose encoding the tasks want: all of some texts, or the masked ones."""
        return batch.masked.texts.rows(texts) if self._pooled else batch.masked.rows[batch.words(texts)]

    def _measure(self, weights: Parameters, team: Team) -> dict[str, float]:
        """What the tasks measure on held-out texts; the names begin with the task's where there are several."""
        space = team.workspaces[0]
        predictions: list[list[Floats]] = [[] for _ in self.tasks]
        targets: list[list[Floats]] = [[] for _ in self.tasks]
        for number, which in enumerate(batches(self._heldout.lengths, self._settings.batch_words)):
            stretch = self._heldout[which]
            batch = self.batch(stretch, self._heldout_masking, stream(self._seed, "heldout mask", number))
            texts = slice(0, len(stretch))
            rows = self._rows(batch, texts)
            encoded, _ = self._encoder(weights, self._types, batch.masked.texts.ids, rows, NO_DROPOUT, space)
            for i, task in enumerate(self.tasks):
                found = task.wanted(batch)
                at = slice(None) if task.pooled else np.searchsorted(rows, batch.masked.rows[found.which])
                prediction, _ = task.predict(weights, encoded[at].copy(), stretch.lengths, space)
                predictions[i].append(space.device.to_host(prediction).copy())
                targets[i].append(space.device.to_host(found.targets.vectors))
        figures: dict[str, float] = {}
        for task, predicted, target in zip(self.tasks, predictions, targets, strict=True):
            wanted = np.concatenate(target)
            measured = task.measure(np.concatenate(predicted), wanted) if len(wanted) else {}
            prefix = f"{task.name}_" if len(self.tasks) > 1 else ""
            figures |= {prefix + name: value for name, value in measured.items()}
        return figures

    def _state(self) -> State:
        arrays = {name: self._encoder.device.to_host(array) for name, array in self.optimizer.arrays().items()}
        optimizer = self.optimizer
        return State(
            arrays,
            optimizer.steps,
            optimizer.missed,
            len(self.epochs),
            self._step,
            self._loss,
            self._seconds,
            self.epochs,
        )
