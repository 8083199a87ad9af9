"""Language modelling with approximate outputs: the encoder learns to predict the vectors of masked words, of documents,
or whatever else its tasks ask for."""

from collections.abc import Callable
from time import perf_counter

import numpy as np

from lmao.config.pretrain import Pretrain
from lmao.corpus.batches import Segments
from lmao.encoder.dropout import Dropout
from lmao.engine.initialization import initialize
from lmao.engine.optimizer import Adam, learning_rate
from lmao.engine.parameters import Floats, Parameters
from lmao.engine.team import Team, shares
from lmao.errors import Diverged
from lmao.pretrain.checkpoint import Checkpoints, PretrainEpoch, State
from lmao.pretrain.measuring import measure
from lmao.pretrain.mixing import Mixing
from lmao.pretrain.model import PretrainModel
from lmao.pretrain.texts import PretrainTexts
from lmao.stop import StopSignal
from lmao.streams import key


class Pretraining:
    """One pre-training, epoch by epoch, resumed from where its checkpoints stand.

    mixing: the classifier's updates between the others. before: how many epochs with the same seed came before; their
    draws are not repeated.
    """

    def __init__(
        self, settings: Pretrain, model: PretrainModel, texts: PretrainTexts, mixing: Mixing | None = None,
        before: int = 0,
    ) -> None:  # fmt: skip
        self.model = model
        self.texts = texts
        self.mixing = mixing
        self._settings = settings
        self._device = model.encoder.device
        self._before = before
        own = {} if mixing is None else mixing.shapes
        self.shapes = {**model.shapes, **own}
        self._softmax = [name for name in own if name not in model.shapes]  # arrays that the tasks lack
        self.optimizer = Adam(settings, initialize(self.shapes, texts.seed), self._device)
        self._step = 0  # finished batches of the current epoch, with their
        self._loss = 0.0
        self._seconds = 0.0
        self.epochs: list[PretrainEpoch] = []

    def start_from(self, weights: Parameters) -> None:
        """Take over the arrays that an earlier pre-training has too."""
        arrays = {name: self._device.to_device(weights[name]) for name in self.shapes if name in weights.shapes}
        self.optimizer.weights.copy_from(arrays)
        self.optimizer.average[:] = self.optimizer.weights.flat

    def resume(self, checkpoints: Checkpoints, epochs: int) -> None:
        """Take up the latest state, unless it lies beyond the epochs asked for."""
        state = checkpoints.state()
        if state is None or (state.epoch, state.step) > (epochs, 0):
            return
        for name, array in self.optimizer.arrays().items():
            array[:] = self._device.to_device(state.arrays[name])
        self.optimizer.steps, self.optimizer.missed = state.updates, dict(state.missed)
        self._step, self._loss, self._seconds = state.step, state.loss, state.seconds
        self.epochs = list(state.epochs)
        known = state.epoch < epochs and checkpoints.epoch(state.epoch)  # the last isn't, or it would not be asked for
        if state.epoch and not state.step and not known:
            checkpoints.save_epoch(self.weights().flat, self.epochs)

    @property
    def words(self) -> int:
        """How many words the current epoch has."""
        return sum(_words(step) for step in self._steps())

    @property
    def words_done(self) -> int:
        """How many words of the current epoch are done."""
        return sum(_words(step) for step in self._steps()[: self._step])

    def weights(self) -> Parameters:
        """A copy of the averaged weights, on the host."""
        average = self.optimizer.averages()
        return average.like(self._device.to_host(average.flat))

    def run_epoch(
        self, checkpoints: Checkpoints, team: Team, stop: StopSignal, advance: Callable[..., None]
    ) -> PretrainEpoch:
        """The next epoch, or what is left of it; `advance(words, loss=…)` is called after each step.

        Raises:
            Diverged: the loss is not finite.
            Stopped: a signal came; the state is saved.
        """
        number = len(self.epochs) + 1
        steps = self._steps()
        gradients = team.gradients(self.optimizer.weights.flat.size)
        began = saved = perf_counter()
        with stop.deferred():
            for step in range(self._step, len(steps)):
                loss = self.update(steps[step], self._before + number, step, team, gradients)
                if self.mixing is not None and self.mixing.is_due(self.optimizer.steps):
                    self._check(self.mixing.update(self.optimizer, team, gradients), number, step)
                self._step, self._loss = step + 1, self._loss + loss
                now = perf_counter()
                self._seconds, began = self._seconds + now - began, now
                if stop.requested is not None or now - saved > 60 * self._settings.save_minutes:
                    checkpoints.save_state(self._state())
                    stop.check()
                    saved = began = perf_counter()
                advance(float(_words(steps[step])), loss=self._loss / self._step)
            average = self.optimizer.averages()
            if not np.isfinite(average.flat).all():
                raise self._diverged(f"the weights are not finite after epoch {number}")
            figures = measure(self.model, average, self.texts.heldout(), team.workspaces[0])
            words = sum(_words(step) for step in steps)
            epoch = PretrainEpoch(number, words, self._seconds, self._loss / len(steps), figures)
            self.epochs.append(epoch)
            self._step, self._loss, self._seconds = 0, 0.0, 0.0
            checkpoints.save_state(
                self._state()
            )  # comes first: once the last epoch is there, nobody writes or tidies here
            checkpoints.save_epoch(self._device.to_host(average.flat), self.epochs)
        return epoch

    def _steps(self) -> list[Segments]:
        """The batches of the current epoch."""
        return self.texts.steps(self._before + len(self.epochs) + 1)

    def update(self, texts: Segments, epoch: int, step: int, team: Team, gradients: Floats) -> float:
        """One step; the loss of the batch."""
        settings, weights = self._settings, self.optimizer.weights
        batch = self.texts.batch(texts, epoch, step)
        targets = [task.targets_of(batch) for task in self.model.tasks]
        if not any(len(found.which) for found in targets):
            return 0.0
        draws = key(self.texts.seed, "pretrain dropout", epoch, step)
        dropout = Dropout(settings.dropout, settings.vector_dropout, draws)

        def work(member: int, which: slice) -> float:
            own = weights.like(gradients[member])
            return self.model.learn(weights, batch, targets, which, dropout, team.workspaces[member], own)

        loss = sum(team.map(work, shares(texts.lengths, team.threads)))
        self._check(loss, epoch, step)
        rate = learning_rate(settings, self.optimizer.steps)
        self.optimizer.step(gradients, rate, team.executor, self._softmax)
        return loss

    def _check(self, loss: float, epoch: int, step: int) -> None:
        if not np.isfinite(loss):
            raise self._diverged(f"the loss is not finite in epoch {epoch}, step {step + 1}")

    def _diverged(self, what: str) -> Diverged:
        rate = self._settings.learn_rate
        return Diverged(f"pre-training diverged: {what}", advice=f"lower pretrain.learn_rate, {rate:g} now")

    def _state(self) -> State:
        optimizer = self.optimizer
        return State(
            arrays={name: self._device.to_host(array) for name, array in optimizer.arrays().items()},
            updates=optimizer.steps,
            missed=optimizer.missed,
            epoch=len(self.epochs),
            step=self._step,
            loss=self._loss,
            seconds=self._seconds,
            epochs=self.epochs,
        )


def _words(texts: Segments) -> int:
    return int(texts.lengths.sum())
