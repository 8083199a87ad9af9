"""The text classifier: mean pooling and a softmax on the encoder, fine-tuned on few labels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao import config
from lmao.batches import Runs, batches, documents, lay_out
from lmao.corpus import Corpus
from lmao.data import Examples
from lmao.device import Device
from lmao.encoder import NO_DROPOUT, Dropout, Encoder, Texts, TypeTable, initialize
from lmao.errors import Diverged, UserError
from lmao.layers import Workspace, linear
from lmao.optimizer import Adam
from lmao.parameters import Floats, Parameters
from lmao.streams import key, stream
from lmao.team import Team, shares

PREDICT_WORDS = 4000  # words a batch where nothing is learned: its arrays fit the cache


@dataclass(frozen=True)
class Epoch:
    """What an epoch of fine-tuning came to; dev_accuracy is that of the early-stopping examples."""

    epoch: int
    loss: float
    dev_accuracy: float
    seconds: float


class Classifier:
    """Encoder, mean of a text's vectors, softmax over the classes."""

    def __init__(self, encoder: Encoder, types: TypeTable, corpus: Corpus, classes: int) -> None:
        self.encoder = encoder
        self._types = types
        self._corpus = corpus
        self.shapes = encoder.shapes() | {"softmax.W": (classes, encoder.width), "softmax.b": (classes,)}

    def learn(
        self, weights: Parameters, texts: Texts, which: slice, labels: NDArray[np.int32], dropout: Dropout,
        space: Workspace, gradients: Parameters,
    ) -> float:  # fmt: skip
        """Of some texts of a batch: adds to the gradient of the cross-entropy's mean, returns their share of the loss.

        labels (texts,) are those of the whole batch.
        """
        device, lengths, examples, labels = space.device, texts.lengths[which], len(labels), labels[which]
        encoded, backprop_encoder = self.encoder(weights, self._types, texts.ids, texts.rows(which), dropout, space)
        pooled = pool(encoded, lengths, device)
        logits, backprop_output = linear(weights, "softmax", pooled, space)
        log_probabilities = log_softmax(logits)
        d_logits = np.exp(log_probabilities)
        d_logits[np.arange(len(labels)), labels] -= 1
        d_logits /= np.float32(examples)
        d_encoded = space.take("d_encoded", *encoded.shape)
        device.kernels.pool_mean_backward(backprop_output(d_logits, gradients), lengths, d_encoded)
        backprop_encoder(d_encoded, gradients)
        return float(-log_probabilities[np.arange(len(labels)), labels].sum() / examples)

    def predict(
        self,
        weights: Parameters,
        numbers: NDArray[np.int64],
        team: Team,
        advance: Callable[[float], None] | None = None,
    ) -> Floats:
        """Probabilities (documents, classes) of documents of the corpus; each distinct type is embedded once."""
        runs = documents(self._corpus, numbers)
        embedded, places = self._embed(weights, runs, team)
        order = np.argsort(runs.lengths, kind="stable")
        ordered = runs[order]
        steps = batches(ordered.lengths, PREDICT_WORDS)
        scores: Floats = np.empty((len(numbers), self.shapes["softmax.b"][0]), dtype=np.float32)

        def work(member: int, which: slice) -> None:
            texts = lay_out(self._corpus, ordered[which], self.encoder.gap)
            field = self.encoder.field(texts.rows(slice(0, len(texts.starts))))
            local = places[texts.ids[field.rows[0]]]
            space = team.workspaces[member]
            encoded, _ = self.encoder.encode(weights, embedded, local, field, NO_DROPOUT, space)
            pooled = pool(encoded, texts.lengths, team.device)
            logits = team.device.to_host(linear(weights, "softmax", pooled, space)[0])
            scores[order[which]] = np.exp(log_softmax(logits))
            if advance is not None:
                advance(float(texts.lengths.sum()))

        team.map(work, steps)
        return scores

    def _embed(self, weights: Parameters, runs: Runs, team: Team) -> tuple[Floats, NDArray[np.int32]]:
        """The vectors of the types that occur, and where each type's is: -1 for others, and for the gaps' -1."""
        occurs = np.zeros(len(self._types.hash_rows), dtype=bool)
        for begin, length in zip(runs.begins, runs.lengths, strict=True):
            occurs[self._corpus.tokens[begin : begin + length]] = True
        wanted = np.flatnonzero(occurs)
        places = np.full(len(occurs) + 1, -1, dtype=np.int32)
        places[wanted] = np.arange(len(wanted))
        embedded: Floats = team.device.xp.empty((len(wanted), self.encoder.width), dtype=np.float32)
        for start in range(0, len(wanted), PREDICT_WORDS):
            block = wanted[start : start + PREDICT_WORDS]
            embedded[start : start + len(block)] = self.encoder.embed(
                weights, self._types, block, NO_DROPOUT, team.workspaces[0]
            )[0]
        return embedded, places


def pool(encoded: Floats, lengths: NDArray[np.int64], device: Device) -> Floats:
    """The mean of each text's words, (texts, width), from (words, width); zeros for an empty text."""
    pooled: Floats = device.xp.empty((len(lengths), encoded.shape[1]), dtype=np.float32)
    device.kernels.pool_mean(encoded, lengths, pooled)
    return pooled


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the classes' probabilities, (n, classes)."""
    shifted: Floats = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def initial_weights(classifier: Classifier, pretrained: Parameters | None, seed: int) -> tuple[Parameters, int, int]:
    """Fresh weights, the encoder's replaced by the pre-trained ones: (weights, arrays loaded, numbers loaded).

    Raises:
        UserError: a pre-trained array has another shape, or left its place in the encoder as it was.
    """
    weights = initialize(classifier.shapes, seed)
    if pretrained is None:
        return weights, 0, 0
    wanted = classifier.encoder.shapes()
    for name, shape in wanted.items():
        if pretrained.shapes.get(name) != shape:
            raise UserError(
                f"the pre-trained array {name} has shape {pretrained.shapes.get(name)}, this encoder's {shape}"
            )
    before = weights.flat.copy()
    weights.copy_from({name: pretrained[name] for name in wanted})
    unchanged = [
        name for name in wanted if np.array_equal(before[weights.spans[name]], weights.flat[weights.spans[name]])
    ]
    if unchanged:
        raise UserError(
            f"loading the pre-trained weights left {', '.join(unchanged)} as it was: nothing was learned there"
        )
    return weights, len(wanted), sum(int(np.prod(shape)) for shape in wanted.values())


class FineTuning:
    """Trains on `train`, judges each epoch's averaged weights on the first of `dev`, keeps the best."""

    def __init__(
        self, settings: config.CnnTextcat, optimizer: config.Adam, classifier: Classifier, weights: Parameters,
        corpus: Corpus, train: Examples, dev: Examples, seed: int,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._classifier = classifier
        self._corpus = corpus
        self._train = train
        few = slice(settings.early_stopping_examples)
        self._judges = Examples(dev.documents[few], dev.labels[few])
        self._seed = seed
        self._optimizer = Adam(optimizer, weights, classifier.encoder.device)
        self._learn_rate = optimizer.learn_rate
        self.best = weights
        self.best_epoch = 0
        self.best_accuracy = -1.0

    def run(self, team: Team, advance: Callable[..., None]) -> Iterator[Epoch]:
        """Yields each epoch until there was no gain for `patience` epochs; `advance(examples, loss=…)` hears of steps.

        Raises:
            Diverged: the loss is not finite.
        """
        gradients = team.gradients(self._optimizer.weights.flat.size)
        for number in range(1, self._settings.epochs + 1):
            began = perf_counter()
            loss = self._epoch(number, team, gradients, advance)
            average = self._optimizer.averages()
            scores = self._classifier.predict(average, self._judges.documents, team)
            if not np.isfinite(scores).all():
                raise self._diverged(f"the scores are not finite after epoch {number}")
            accuracy = float((scores.argmax(axis=1) == self._judges.labels).mean())
            if accuracy > self.best_accuracy:
                self.best, self.best_epoch, self.best_accuracy = average, number, accuracy
            yield Epoch(number, loss, accuracy, perf_counter() - began)
            if number - self.best_epoch >= self._settings.patience:
                return

    def _diverged(self, what: str) -> Diverged:
        return Diverged(f"fine-tuning diverged: {what}: lower optimizer.learn_rate, {self._learn_rate:g} now")

    def _epoch(self, number: int, team: Team, gradients: Floats, advance: Callable[..., None]) -> float:
        settings = self._settings
        order = stream(self._seed, "textcat order", number).permutation(len(self._train.documents))
        total = 0.0
        starts = range(0, len(order), settings.batch_size)
        for step, start in enumerate(starts):
            chosen = order[start : start + settings.batch_size]
            runs = documents(self._corpus, self._train.documents[chosen])
            labels = self._train.labels[chosen]
            whole = lay_out(self._corpus, runs, self._classifier.encoder.gap)
            dropout = Dropout(
                settings.dropout, settings.vector_dropout, key(self._seed, "textcat dropout", number, step)
            )
            total += self._update(whole, labels, dropout, team, gradients)
            if not np.isfinite(total):
                raise self._diverged(f"the loss is not finite in epoch {number}, step {step + 1}")
            advance(float(len(chosen)), loss=total / (step + 1))
        return total / len(starts)

    def _update(
        self, whole: Texts, labels: NDArray[np.int32], dropout: Dropout, team: Team, gradients: Floats
    ) -> float:
        weights = self._optimizer.weights

        def work(member: int, which: slice) -> float:
            own = weights.like(gradients[member])
            return self._classifier.learn(weights, whole, which, labels, dropout, team.workspaces[member], own)

        loss = sum(team.map(work, shares(whole.lengths, team.threads)))
        self._optimizer.step(gradients, self._learn_rate, team.executor)
        return loss
