"""Fine-tuning of a classifier on few labels: epoch by epoch, judged, until nothing is gained."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao.config.optimizer import AdamOptimizer
from lmao.config.textcat import EncoderTextcat
from lmao.data.splits import Examples
from lmao.encoder.dropout import Dropout
from lmao.engine.optimizer import Adam
from lmao.engine.parameters import Floats, Parameters
from lmao.engine.team import Team
from lmao.errors import Diverged
from lmao.streams import key, stream
from lmao.textcat.classifier import Classifier, accuracy, log_softmax

Losses = NDArray[np.float64]

TINY = np.float32(1e-30)  # a probability below it counts as that
SHARPNESS = np.geomspace(0.05, 20, 61)  # by which the logits of held-out examples may be multiplied


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
    """Trains on `train` at `rate`; `run` judges each epoch's averaged weights by the accuracy on the first of `dev`."""

    def __init__(
        self, settings: EncoderTextcat, optimizer: AdamOptimizer, classifier: Classifier, weights: Parameters,
        train: Examples, dev: Examples, seed: int, rate: float | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self._classifier = classifier
        self._train = train
        few = slice(settings.early_stopping_examples)
        self._judges = Examples(dev.documents[few], dev.labels[few])
        self._seed = seed
        self._optimizer = Adam(optimizer, weights, classifier.encoder.device)
        self._learn_rate = optimizer.learn_rate if rate is None else rate
        self._advice = f"lower optimizer.learn_rate, {optimizer.learn_rate:g} now"
        self.best = weights
        self.best_epoch = 0
        self.best_accuracy = -1.0  # of the best epoch, on the first of dev

    def run(self, team: Team, advance: Callable[..., None]) -> Iterator[Epoch]:
        """Yields each epoch until there was no gain for `patience` epochs; `advance(examples, loss=…)` hears of steps.

        Raises:
            Diverged: the loss is not finite.
        """
        self.best = self._optimizer.averages()
        for number in range(1, self.settings.epochs + 1):
            began = perf_counter()
            loss = self.epoch(number, team, advance)
            accuracy = self.accuracy(team)
            if accuracy > self.best_accuracy:
                self.best, self.best_epoch, self.best_accuracy = self._optimizer.averages(), number, accuracy
            yield Epoch(number, loss, accuracy, None, perf_counter() - began)
            if number - self.best_epoch >= self.settings.patience:
                break

    def train(self, epochs: int, team: Team, advance: Callable[..., None]) -> None:
        """So many epochs, judged by nobody.

        Raises:
            Diverged: the loss is not finite.
        """
        for number in range(1, epochs + 1):
            self.epoch(number, team, advance)
        self.best, self.best_epoch = self._optimizer.averages(), epochs

    def accuracy(self, team: Team) -> float:
        """Of the averaged weights, on the first of dev. Raises Diverged as `scores` does."""
        return accuracy(self.scores(self._judges, team), self._judges.labels)

    def scores(self, examples: Examples, team: Team) -> Floats:
        """The averaged weights' probabilities (examples, classes).

        Raises:
            Diverged: one is not finite.
        """
        scores = self._classifier.predict(self._optimizer.averages(), examples.documents, team)
        if not np.isfinite(scores).all():
            raise self._diverged("the scores are not finite")
        return scores

    def _diverged(self, what: str) -> Diverged:
        return Diverged(f"fine-tuning diverged: {what}", advice=self._advice)

    def epoch(self, number: int, team: Team, advance: Callable[..., None]) -> float:
        """Train for one epoch; its loss, the mean over its batches.

        Raises:
            Diverged: the loss is not finite.
        """
        settings, weights = self.settings, self._optimizer.weights
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


class CrossValidatedTuning:
    """Fine-tunings side by side, one a fold, to find out for how many epochs to train on all examples.

    Each epoch is judged by the log-loss on what the folds have held out, all together. The logits are first multiplied
    by one number, the best one for these examples: a few epochs make a classifier too sure of itself long before its
    order of the classes gets worse. The start is judged, too, and stays unless the best epoch gains more than its
    standard error.
    """

    def __init__(self, tunings: Sequence[FineTuning], held: Sequence[Examples]) -> None:
        self._tunings = tunings
        self._held = held
        self._labels = np.concatenate([part.labels for part in held])
        self.best_epoch = 0
        self.start_loss = self.best_loss = np.inf
        self.held_scores: Floats = np.zeros((0, 0), dtype=np.float32)  # (held out, classes), after the best epoch

    def run(self, team: Team, advance: Callable[..., None]) -> Iterator[Epoch]:
        """Yields each epoch until the log-loss has not fallen for `patience` epochs; the first epoch may be worse than
        the start. The accuracy is the first fold's.

        Raises:
            Diverged: a loss is not finite.
        """
        start_scores = self._scores(team)
        start = calibrated_losses(start_scores, self._labels)
        self.start_loss = float(start.mean())
        best, best_scores, best_epoch = np.full_like(start, np.inf), start_scores, 0
        settings = self._tunings[0].settings
        for number in range(1, settings.epochs + 1):
            began = perf_counter()
            loss = float(np.mean([tuning.epoch(number, team, advance) for tuning in self._tunings]))
            accuracy, scores = self._tunings[0].accuracy(team), self._scores(team)
            losses = calibrated_losses(scores, self._labels)
            if losses.mean() < best.mean():
                best, best_scores, best_epoch = losses, scores, number
            yield Epoch(number, loss, accuracy, float(losses.mean()), perf_counter() - began)
            if number - best_epoch >= settings.patience:
                break
        if not is_better(best, start):
            best, best_scores, best_epoch = start, start_scores, 0
        self.best_epoch, self.best_loss, self.held_scores = best_epoch, float(best.mean()), best_scores

    def _scores(self, team: Team) -> Floats:
        pairs = zip(self._tunings, self._held, strict=True)
        return np.concatenate([tuning.scores(part, team) for tuning, part in pairs])


def calibrated_losses(scores: Floats, labels: NDArray[np.integer]) -> Losses:
    """The log-losses (n,) of probabilities (n, classes) for labels (n,), their logits multiplied by what makes the mean
    lowest (Guo et al. 2017)."""
    logits = np.log(np.maximum(scores, TINY)).astype(np.float64)
    own = np.arange(len(labels)), labels
    return min((-log_softmax(logits * sharpness)[own] for sharpness in SHARPNESS), key=lambda losses: losses.mean())


def is_better(losses: Losses, than: Losses) -> bool:
    """Whether the mean of paired losses (n,) is lower by more than the standard error of the difference."""
    gains = than - losses
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return bool(gains.mean() > error)
