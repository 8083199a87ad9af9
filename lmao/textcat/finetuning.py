"""Fine-tuning of a classifier on few labels: epoch by epoch, judged, until nothing is gained. It may be stopped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

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
from lmao.unfinished import State, part, under

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
    """Trains on `train` at `rate`; `run` judges each epoch's averaged weights by the accuracy on the first of `dev`.

    Its state is whole whenever `advance` is called, which may raise.
    """

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
        self.best = self._optimizer.averages()
        self.best_epoch = 0
        self.best_accuracy = -1.0  # of the best epoch, on the first of dev
        self.epochs: list[Epoch] = []
        self._trained, self._loss = 0, 0.0  # epochs, and the last one's loss
        self._step, self._total = 0, 0.0  # batches of the next epoch, and their losses' sum

    @property
    def done(self) -> int:
        """How many examples it has been trained on, each as often as it was."""
        return self._trained * len(self._train.documents) + self._step * self.settings.batch_size

    def state(self) -> State:
        optimizer, to_host = self._optimizer, self._classifier.encoder.device.to_host
        arrays = {name: to_host(array) for name, array in {**optimizer.arrays(), "best": self.best.flat}.items()}
        values = {
            "updates": optimizer.steps, "best_epoch": self.best_epoch, "best_accuracy": self.best_accuracy,
            "epochs": [asdict(epoch) for epoch in self.epochs], "trained": self._trained, "loss": self._loss,
            "step": self._step, "total": self._total,
        }  # fmt: skip
        return State(arrays, values)

    def resume(self, state: State) -> None:
        values, to_device = state.values, self._classifier.encoder.device.to_device
        for name, array in {**self._optimizer.arrays(), "best": self.best.flat}.items():
            array[:] = to_device(np.array(state.arrays[name]))
        self._optimizer.steps = values["updates"]
        self.best_epoch, self.best_accuracy = values["best_epoch"], values["best_accuracy"]
        self.epochs = [Epoch(**epoch) for epoch in values["epochs"]]
        self._trained, self._loss = values["trained"], values["loss"]
        self._step, self._total = values["step"], values["total"]

    def run(self, team: Team, advance: Callable[..., None]) -> Iterator[Epoch]:
        """Yields each epoch until there was no gain for `patience` epochs, those of an earlier run first;
        `advance(examples, loss=…)` hears of steps, `advance(0.0)` of those of judging.

        Raises:
            Diverged: the loss is not finite.
        """
        yield from self.epochs
        while _goes_on(self.epochs, self.best_epoch, self.settings):
            number, began = len(self.epochs) + 1, perf_counter()
            loss = self.epoch(number, team, advance)
            accuracy = self.accuracy(team, advance)
            if accuracy > self.best_accuracy:
                self.best, self.best_epoch, self.best_accuracy = self._optimizer.averages(), number, accuracy
            self.epochs.append(Epoch(number, loss, accuracy, None, perf_counter() - began))
            yield self.epochs[-1]

    def train(self, epochs: int, team: Team, advance: Callable[..., None]) -> None:
        """So many epochs, judged by nobody.

        Raises:
            Diverged: the loss is not finite.
        """
        for number in range(1, epochs + 1):
            self.epoch(number, team, advance)
        self.best, self.best_epoch = self._optimizer.averages(), epochs

    def accuracy(self, team: Team, advance: Callable[..., None]) -> float:
        """Of the averaged weights, on the first of dev. Raises Diverged as `scores` does."""
        return accuracy(self.scores(self._judges, team, advance), self._judges.labels)

    def scores(self, examples: Examples, team: Team, advance: Callable[..., None]) -> Floats:
        """The averaged weights' probabilities (examples, classes).

        Raises:
            Diverged: one is not finite.
        """
        weights = self._optimizer.averages()
        scores = self._classifier.predict(weights, examples.documents, team, lambda words: advance(0.0))
        if not np.isfinite(scores).all():
            raise self._diverged("the scores are not finite")
        return scores

    def _diverged(self, what: str) -> Diverged:
        return Diverged(f"fine-tuning diverged: {what}", advice=self._advice)

    def epoch(self, number: int, team: Team, advance: Callable[..., None]) -> float:
        """Train for one epoch, unless it has been; its loss, the mean over its batches.

        Raises:
            Diverged: the loss is not finite.
        """
        if number <= self._trained:
            return self._loss
        settings, weights = self.settings, self._optimizer.weights
        order = stream(self._seed, "textcat order", number).permutation(len(self._train.documents))
        gradients = team.gradients(self._optimizer.weights.flat.size)
        starts = range(0, len(order), settings.batch_size)
        for step in range(self._step, len(starts)):
            chosen = order[starts[step] : starts[step] + settings.batch_size]
            dropout = Dropout(
                settings.dropout, settings.vector_dropout, key(self._seed, "textcat dropout", number, step)
            )
            numbers, labels = self._train.documents[chosen], self._train.labels[chosen]
            total = self._total + self._classifier.learn_from(weights, numbers, labels, dropout, team, gradients)
            self._optimizer.step(gradients, self._learn_rate, team.executor)
            if not np.isfinite(total):
                raise self._diverged(f"the loss is not finite in epoch {number}, step {step + 1}")
            self._step, self._total = step + 1, total
            advance(float(len(chosen)), loss=total / (step + 1))
        self._trained, self._loss, self._step, self._total = number, self._total / len(starts), 0, 0.0
        return self._loss


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
        self._labels = np.concatenate([examples.labels for examples in held])
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self.start_loss = self.best_loss = float("inf")
        self.held_scores: Floats = np.zeros((0, 0), dtype=np.float32)  # (held out, classes), after the best epoch
        self._start_scores = self.held_scores
        self._start: Losses = np.zeros(0)  # of the start, none before it was judged
        self._best: Losses = np.zeros(0)

    @property
    def done(self) -> int:
        """How many examples the tunings have been trained on."""
        return sum(tuning.done for tuning in self._tunings)

    def state(self) -> State:
        arrays: dict[str, NDArray[Any]] = {
            "held_scores": self.held_scores, "start_scores": self._start_scores, "start": self._start,
            "best": self._best,
        }  # fmt: skip
        values: dict[str, Any] = {
            "epochs": [asdict(epoch) for epoch in self.epochs], "best_epoch": self.best_epoch,
            "start_loss": self.start_loss, "best_loss": self.best_loss, "tunings": len(self._tunings),
        }  # fmt: skip
        for number, tuning in enumerate(self._tunings):
            own = under(str(number), tuning.state())
            arrays, values = {**arrays, **own.arrays}, {**values, **own.values}
        return State(arrays, values)

    def resume(self, state: State) -> None:
        arrays, values = state.arrays, state.values
        self.held_scores, self._start_scores = np.array(arrays["held_scores"]), np.array(arrays["start_scores"])
        self._start, self._best = np.array(arrays["start"]), np.array(arrays["best"])
        self.epochs = [Epoch(**epoch) for epoch in values["epochs"]]
        self.best_epoch, self.start_loss, self.best_loss = (
            values[name] for name in ("best_epoch", "start_loss", "best_loss")
        )
        self._tunings = self._tunings[: values["tunings"]]
        for number, tuning in enumerate(self._tunings):
            tuning.resume(part(str(number), state))

    def run(self, team: Team, advance: Callable[..., None]) -> Iterator[Epoch]:
        """Yields each epoch until the log-loss has not fallen for `patience` epochs, those of an earlier run first; the
        first epoch may be worse than the start. The accuracy is the first fold's. `advance` as in `FineTuning.run`.

        Raises:
            Diverged: a loss is not finite.
        """
        yield from self.epochs
        if not self._tunings:  # an earlier run has done them all
            return
        if not len(self._start):
            self.held_scores = self._start_scores = self._scores(team, advance)
            self._start = calibrated_losses(self._start_scores, self._labels)
            self._best = np.full_like(self._start, np.inf)
        settings = self._tunings[0].settings
        while _goes_on(self.epochs, self.best_epoch, settings):
            number, began = len(self.epochs) + 1, perf_counter()
            loss = float(np.mean([tuning.epoch(number, team, advance) for tuning in self._tunings]))
            accuracy, scores = self._tunings[0].accuracy(team, advance), self._scores(team, advance)
            losses = calibrated_losses(scores, self._labels)
            if losses.mean() < self._best.mean():
                self._best, self.held_scores, self.best_epoch = losses, scores, number
            self.epochs.append(Epoch(number, loss, accuracy, float(losses.mean()), perf_counter() - began))
            yield self.epochs[-1]
        if not is_better(self._best, self._start):
            self._best, self.held_scores, self.best_epoch = self._start, self._start_scores, 0
        self.start_loss, self.best_loss = float(self._start.mean()), float(self._best.mean())
        self._tunings = []

    def _scores(self, team: Team, advance: Callable[..., None]) -> Floats:
        pairs = zip(self._tunings, self._held, strict=True)
        return np.concatenate([tuning.scores(examples, team, advance) for tuning, examples in pairs])


def _goes_on(epochs: Sequence[Epoch], best: int, settings: EncoderTextcat) -> bool:
    """Whether there is another epoch. best: the number of the best one, 0 before the first."""
    return len(epochs) < settings.epochs and len(epochs) - best < settings.patience


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
