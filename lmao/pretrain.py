"""Language modelling with approximate outputs: the encoder learns to predict the vectors of masked words."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao import config
from lmao.batches import Runs, batches, lay_out, windows
from lmao.checkpoint import Checkpoints, Epoch, State
from lmao.corpus import Corpus
from lmao.encoder import NO_DROPOUT, Dropout, Encoder, TypeTable, initialize
from lmao.errors import Diverged, UserError
from lmao.layers import Backprop, Workspace, linear, maxout_norm, maxout_shapes
from lmao.masking import Masked, Masking
from lmao.neighbours import nearest, unit_rows
from lmao.objectives import open_objective
from lmao.optimizer import Adam, learning_rate
from lmao.parameters import Floats, Parameters
from lmao.stop import StopSignal
from lmao.streams import key, stream
from lmao.team import Team, even_shares

HELDOUT_DOCUMENTS = 500  # enough for two digits, and never a large part of an epoch's time
HELDOUT_WORDS = 2000  # of which the nearest word is looked up
# The same for all settings, or the settings that make the task easiest would look best.
HELDOUT_MASKING = {"mask_rate": 0.15, "mask_symbol": 1.0, "random_word": 0.0}


@dataclass(frozen=True)
class Targets:
    """rows (types,) int32 into vectors (rows, dims), -1 for a type whose vector is not predicted."""

    rows: NDArray[np.int32]
    vectors: Floats


class Head:
    """Maxout + layer norm + linear, on predicted words only; thrown away after pre-training."""

    def __init__(self, settings: config.Objective, width: int, dims: int) -> None:
        self._settings = settings
        self._width = width
        self._dims = dims

    def shapes(self) -> dict[str, tuple[int, ...]]:
        s = self._settings
        return {
            **maxout_shapes("head", s.hidden_size, s.maxout_pieces, self._width),
            "head.output.W": (self._dims, s.hidden_size),
            "head.output.b": (self._dims,),
        }

    def __call__(self, weights: Parameters, X: Floats, space: Workspace) -> tuple[Floats, Backprop]:
        """Encoded words (n, width) to predicted vectors (n, dims)."""
        hidden, backprop_hidden = maxout_norm(weights, "head", X, space)
        prediction, backprop_output = linear(weights, "head.output", hidden, space)

        def backprop(d_prediction: Floats, gradients: Parameters) -> Floats:
            return backprop_hidden(backprop_output(d_prediction, gradients), gradients)

        return prediction, backprop


class Pretraining:
    """One pre-training, epoch by epoch, resumed from where its checkpoints stand.

    documents (n,) are the numbers of the texts it may use; a slice of them is held out, and measured on.
    """

    def __init__(
        self, settings: config.Pretrain, objective: config.Objective, encoder: Encoder, corpus: Corpus,
        types: TypeTable, targets: Targets, documents: NDArray[np.int64], seed: int,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._objective = open_objective(objective)
        self._encoder = encoder
        self._head = Head(objective, encoder.width, targets.vectors.shape[1])
        self._corpus = corpus
        self._types = types
        self._targets = targets
        self._target_vectors = encoder.device.to_device(targets.vectors)
        self._seed = seed
        mixed = stream(seed, "heldout").permutation(documents)
        count = min(HELDOUT_DOCUMENTS, max(1, round(len(documents) * settings.heldout)))
        self._heldout = windows(corpus, mixed[:count], settings.window_words)
        self._texts = windows(corpus, np.sort(mixed[count:]), settings.window_words)
        counts, predictable = corpus.type_counts(documents), targets.rows >= 0
        if not len(self._texts):
            raise UserError("too few texts to pre-train on: raise data.pretrain_documents, or set pretrain.epochs=0")
        if not (counts * predictable).any():
            raise UserError("no word of the texts has a vector to predict: choose other vectors, or vectors.target")
        self._masking = Masking(settings, counts, predictable)
        self._heldout_masking = Masking(settings.model_copy(update=HELDOUT_MASKING), counts, predictable)
        self.words = int(self._texts.lengths.sum())
        self.shapes = encoder.shapes() | self._head.shapes()

        self.optimizer = Adam(settings, initialize(self.shapes, seed), encoder.device)
        self._step = 0  # finished batches of the epoch that runs, with their
        self._loss = 0.0
        self._seconds = 0.0
        self.epochs: list[Epoch] = []

    def resume(self, checkpoints: Checkpoints, epochs: int) -> None:
        """Take up the latest state, unless it lies beyond the epochs asked for."""
        state = checkpoints.state()
        if state is None or (state.epoch, state.step) > (epochs, 0):
            return
        for name, array in self.optimizer.arrays().items():
            array[:] = self._encoder.device.to_device(state.arrays[name])
        self.optimizer.steps = state.updates
        self._step, self._loss, self._seconds = state.step, state.loss, state.seconds
        self.epochs = list(state.epochs)
        if (state.epoch, state.step) == (epochs, 0):  # its weights are missing or damaged, or it would not be asked for
            checkpoints.save_epoch(self.weights().flat, self.epochs)

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
                loss = self.update(texts[steps[step]], number, step, team, gradients)
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
            cosine, accuracy = self._measure(average, team)
            epoch = Epoch(number, self.words, self._seconds, self._loss / len(steps), cosine, accuracy)
            self.epochs.append(epoch)
            self._step, self._loss, self._seconds = 0, 0.0, 0.0
            checkpoints.save_epoch(self._encoder.device.to_host(average.flat), self.epochs)
            checkpoints.save_state(self._state())
        return epoch

    def _order(self) -> Runs:
        """The texts in the order of the epoch that runs."""
        mixed = stream(self._seed, "pretrain order", len(self.epochs) + 1).permutation(len(self._texts))
        return self._texts[mixed]

    def update(self, texts: Runs, epoch: int, step: int, team: Team, gradients: Floats) -> float:
        """One step; the loss of the batch."""
        settings = self._settings
        whole = lay_out(self._corpus, texts, self._encoder.gap)
        masked = self._masking(whole, stream(self._seed, "pretrain mask", epoch, step))
        if not len(masked.rows):
            return 0.0
        dropout = Dropout(settings.dropout, settings.vector_dropout, key(self._seed, "pretrain dropout", epoch, step))

        def work(member: int, which: slice) -> float:
            own = self.optimizer.weights.like(gradients[member])
            return self.learn(masked, which, dropout, team.workspaces[member], own)

        loss = sum(team.map(work, even_shares(len(masked.rows), len(whole.ids), team.threads)))
        if not np.isfinite(loss):
            raise self._diverged(f"the loss is not finite in epoch {epoch}, step {step + 1}")
        self.optimizer.step(gradients, learning_rate(settings, self.optimizer.steps), team.executor)
        return loss

    def _diverged(self, what: str) -> Diverged:
        rate = self._settings.learn_rate
        return Diverged(f"pre-training diverged: {what}: lower pretrain.learn_rate, {rate:g} now")

    def learn(self, masked: Masked, which: slice, dropout: Dropout, space: Workspace, gradients: Parameters) -> float:
        """From some of the predicted words: adds their gradients, returns their share of the loss."""
        weights, rows = self.optimizer.weights, masked.rows[which]
        encoded, backprop_encoder = self._encoder(weights, self._types, masked.texts.ids, rows, dropout, space)
        prediction, backprop_head = self._head(weights, encoded, space)
        target = self._target_vectors[self._targets.rows[masked.types[which]]]
        lengths = space.device.to_device(masked.lengths[which])
        gradient, loss = self._objective(prediction, target, lengths, len(masked.rows))
        backprop_encoder(backprop_head(gradient, gradients), gradients)
        return loss

    def _measure(self, weights: Parameters, team: Team) -> tuple[float, float]:
        """Held-out cosine of prediction and target, and how often the target's word is the nearest of all."""
        space = team.workspaces[0]
        predictions, types = [], []
        for number, which in enumerate(batches(self._heldout.lengths, self._settings.batch_words)):
            texts = lay_out(self._corpus, self._heldout[which], self._encoder.gap)
            masked = self._heldout_masking(texts, stream(self._seed, "heldout mask", number))
            encoded, _ = self._encoder(weights, self._types, masked.texts.ids, masked.rows, NO_DROPOUT, space)
            prediction, _ = self._head(weights, encoded, space)
            predictions.append(unit_rows(space.device.to_host(prediction)))
            types.append(masked.types)
        predicted, wanted = np.concatenate(predictions), self._targets.rows[np.concatenate(types)]
        units = unit_rows(self._targets.vectors)
        cosine = np.einsum("ij,ij->i", predicted, units[wanted]).mean() if len(wanted) else 0.0
        found = nearest(predicted[:HELDOUT_WORDS], units)
        return float(cosine), float((found == wanted[:HELDOUT_WORDS]).mean()) if len(wanted) else 0.0

    def _state(self) -> State:
        arrays = {name: self._encoder.device.to_host(array) for name, array in self.optimizer.arrays().items()}
        return State(arrays, self.optimizer.steps, len(self.epochs), self._step, self._loss, self._seconds, self.epochs)
