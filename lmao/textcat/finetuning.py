"""Fine-tuning of a classifier on few labels: epoch by epoch, judged, until nothing is gained."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao.config.optimizer import AdamOptimizer
from lmao.config.textcat import CnnTextcat
from lmao.data.splits import Examples
from lmao.encoder.dropout import Dropout
from lmao.engine.optimizer import Adam
from lmao.engine.parameters import Parameters
from lmao.engine.team import Team
from lmao.errors import Diverged
from lmao.streams import key, stream
from lmao.textcat.classifier import Classifier

Losses = NDArray[np.float64]

TINY = np.float32(1e-30)  # a probability below it counts as that


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to; dev_accuracy: on the early-stopping examples; inner_loss: the log-loss on the training
    examples that were held out, None where none were."""

    epoch: int
    loss: float
    dev_accuracy: float
    inner_loss: float | None
    seconds: float


class FineTuning:
    """Trains on `train` and judges each epoch's averaged weights: by the accuracy on the first of `dev`, or, where some
    training examples are `held` out, by the log-loss on these; then the start is judged too, and dev decides nothing.
    These are few: the best epoch must gain more than its standard error over the start, or that stays.
    """

    def __init__(
        self, settings: CnnTextcat, optimizer: AdamOptimizer, classifier: Classifier, weights: Parameters,
        train: Examples, dev: Examples, seed: int, held: Examples | None = None,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._classifier = classifier
        self._train = train
        few = slice(settings.early_stopping_examples)
        self._judges = Examples(dev.documents[few], dev.labels[few])
        self._held = held
        self._seed = seed
        self._optimizer = Adam(optimizer, weights, classifier.encoder.device)
        self._learn_rate = optimizer.learn_rate
        self.best = weights
        self.best_epoch = 0
        self.best_accuracy = -1.0  # of the best epoch, on the first of dev
        self.start_loss: float | None = None  # the log-loss on `held` before the first epoch
        self._losses = np.zeros(0)  # of the best, by example of `held`

    def run(self, team: Team, advance: Callable[..., None]) -> Iterator[Epoch]:
        """Yields each epoch until there was no gain for `patience` epochs; `advance(examples, loss=…)` hears of steps.

        Raises:
            Diverged: the loss is not finite.
        """
        start, start_losses = self._optimizer.averages(), self._losses
        if self._held is not None:
            start_losses = self._log_losses(start, self._held, team)
            self.start_loss = float(start_losses.mean())
        self.best, self._losses = start, start_losses
        for number in range(1, self._settings.epochs + 1):
            began = perf_counter()
            loss = self._epoch(number, team, advance)
            average = self._optimizer.averages()
            accuracy = self._accuracy(average, team, number)
            losses = None if self._held is None else self._log_losses(average, self._held, team)
            if accuracy > self.best_accuracy if losses is None else losses.mean() < self._losses.mean():
                self.best, self.best_epoch, self.best_accuracy = average, number, accuracy
                self._losses = self._losses if losses is None else losses
            inner = None if losses is None else float(losses.mean())
            yield Epoch(number, loss, accuracy, inner, perf_counter() - began)
            if number - self.best_epoch >= self._settings.patience:
                break
        if self._held is not None and not is_better(self._losses, start_losses):
            self.best, self.best_epoch, self._losses = start, 0, start_losses

    @property
    def best_loss(self) -> float:
        """The log-loss on `held` of the best weights."""
        return float(self._losses.mean())

    def train(self, epochs: int, team: Team, advance: Callable[..., None]) -> None:
        """So many epochs, judged by nobody.

        Raises:
            Diverged: the loss is not finite.
        """
        for number in range(1, epochs + 1):
            self._epoch(number, team, advance)
        self.best, self.best_epoch = self._optimizer.averages(), epochs

    def _accuracy(self, weights: Parameters, team: Team, number: int) -> float:
        scores = self._classifier.predict(weights, self._judges.documents, team)
        if not np.isfinite(scores).all():
            raise self._diverged(f"the scores are not finite after epoch {number}")
        return float((scores.argmax(axis=1) == self._judges.labels).mean())

    def _log_losses(self, weights: Parameters, held: Examples, team: Team) -> Losses:
        scores = self._classifier.predict(weights, held.documents, team)
        losses: Losses = -np.log(np.maximum(scores[np.arange(len(scores)), held.labels], TINY)).astype(np.float64)
        return losses

    def _diverged(self, what: str) -> Diverged:
        return Diverged(f"fine-tuning diverged: {what}: lower optimizer.learn_rate, {self._learn_rate:g} now")

    def _epoch(self, number: int, team: Team, advance: Callable[..., None]) -> float:
        """Its loss, the mean over its batches."""
        settings, weights = self._settings, self._optimizer.weights
        order = stream(self._seed, "textcat order", number).permutation(len(self._train.documents))
        gradients = team.gradients(self._optimizer.weights.flat.size)
        total = 0.0
        starts = range(0, len(order), settings.batch_size)
        for step, start in enumerate(starts):
            chosen = order[start : start + settings.batch_size]
            dropout = Dropout(
                settings.dropout, settings.vector_dropout, key(self._seed, "textcat dropout", number, step)
            )
            numbers, labels = self._train.documents[chosen], self._train.labels[chosen]
            total += self._classifier.learn_from(weights, numbers, labels, dropout, team, gradients)
            self._optimizer.step(gradients, self._learn_rate, team.executor)
            if not np.isfinite(total):
                raise self._diverged(f"the loss is not finite in epoch {number}, step {step + 1}")
            advance(float(len(chosen)), loss=total / (step + 1))
        return total / len(starts)


def is_better(losses: Losses, than: Losses) -> bool:
    """Whether the mean of paired losses (n,) is lower by more than the standard error of the difference."""
    gains = than - losses
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return bool(gains.mean() > error)
