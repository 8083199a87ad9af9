"""The text classifier: pooling and a softmax on the encoder; its gradient, its predictions, its first weights."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmao.config.encoder import AnyEncoder
from lmao.corpus.batches import Segments, Texts, batches, documents, lay_out
from lmao.corpus.corpus import Corpus
from lmao.encoder.dropout import Dropout
from lmao.encoder.encoder import Encoder, TypeTable
from lmao.encoder.opening import open_encoder
from lmao.engine.device import Device
from lmao.engine.initialization import initialize
from lmao.engine.layers import Workspace, linear
from lmao.engine.parameters import Floats, Parameters
from lmao.engine.pooling import pool
from lmao.engine.team import Team, shares
from lmao.errors import UserError
from lmao.vectors.lookup import TypeVectors

PREDICT_WORDS = 4000  # words a batch where nothing is learned: its arrays fit the cache


class Classifier:
    """Encoder, the mean of a text's vectors, softmax over the classes."""

    def __init__(self, encoder: Encoder, types: TypeTable, corpus: Corpus, classes: int) -> None:
        self.encoder = encoder
        self.types = types
        self.corpus = corpus
        self.shapes = encoder.shapes() | {"softmax.W": (classes, encoder.width), "softmax.b": (classes,)}

    def learn(
        self, weights: Parameters, texts: Texts, which: slice, labels: NDArray[np.int32], dropout: Dropout,
        space: Workspace, gradients: Parameters,
    ) -> float:  # fmt: skip
        """Of some texts of a batch: adds to the gradient of the cross-entropy's mean, returns their share of the loss.

        labels (texts,) are those of the whole batch.
        """
        lengths, examples, labels = texts.lengths[which], len(labels), labels[which]
        encoded, backprop_encoder = self.encoder(weights, self.types, texts.ids, texts.rows(which), dropout, space)
        pooled, backprop_pooling = pool("softmax", encoded, lengths, space)
        logits, backprop_output = linear(weights, "softmax", pooled, space)
        log_probabilities = log_softmax(logits)
        d_logits = np.exp(log_probabilities)
        d_logits[np.arange(len(labels)), labels] -= 1
        d_logits /= np.float32(examples)
        backprop_encoder(backprop_pooling(backprop_output(d_logits, gradients)), gradients)
        return float(-log_probabilities[np.arange(len(labels)), labels].sum() / examples)

    def learn_from(
        self, weights: Parameters, numbers: NDArray[np.int64], labels: NDArray[np.int32], dropout: Dropout, team: Team,
        gradients: Floats,
    ) -> float:  # fmt: skip
        """From a batch of documents of the corpus: adds to gradients (members, size), returns the loss."""
        texts = lay_out(self.corpus, documents(self.corpus, numbers), self.encoder.gap)

        def work(member: int, which: slice) -> float:
            own = weights.like(gradients[member])
            return self.learn(weights, texts, which, labels, dropout, team.workspaces[member], own)

        return sum(team.map(work, shares(texts.lengths, team.threads)))

    def predict(
        self,
        weights: Parameters,
        numbers: NDArray[np.int64],
        team: Team,
        advance: Callable[[float], None] | None = None,
    ) -> Floats:
        """Probabilities (documents, classes) of documents of the corpus."""
        device, features = team.device, self.features(weights, numbers, team, advance)
        logits = features @ device.to_host(weights["softmax.W"]).T + device.to_host(weights["softmax.b"])
        return np.exp(log_softmax(logits))

    def features(
        self,
        weights: Parameters,
        numbers: NDArray[np.int64],
        team: Team,
        advance: Callable[[float], None] | None = None,
    ) -> Floats:
        """What the softmax sees of documents of the corpus, (documents, pooled width), without dropout, on the host.

        Each distinct type is embedded once; advance is told of the words done.
        """
        segments = documents(self.corpus, numbers)
        encode = self.encoder.embed_once(weights, self.types, self._occurring(segments), team.workspaces[0])
        order = np.argsort(segments.lengths, kind="stable")
        ordered = segments[order]
        steps = batches(ordered.lengths, PREDICT_WORDS)
        found: Floats = np.empty((len(numbers), self.shapes["softmax.W"][1]), dtype=np.float32)

        def work(member: int, which: slice) -> None:
            texts = lay_out(self.corpus, ordered[which], self.encoder.gap)
            space = team.workspaces[member]
            encoded = encode(texts.ids, texts.rows(slice(0, len(texts.starts))), space)
            found[order[which]] = team.device.to_host(pool("softmax", encoded, texts.lengths, space)[0])
            if advance is not None:
                advance(float(texts.lengths.sum()))

        team.map(work, steps)
        return found

    def _occurring(self, segments: Segments) -> NDArray[np.int64]:
        """The types that occur, ascending."""
        occurs = np.zeros(len(self.types.hash_rows), dtype=bool)
        for begin, length in zip(segments.begins, segments.lengths, strict=True):
            occurs[self.corpus.tokens[begin : begin + length]] = True
        return np.flatnonzero(occurs)


def classifier_on(settings: AnyEncoder, vectors: TypeVectors, classes: int, device: Device) -> Classifier:
    """A classifier on the encoder that the settings ask for, for the corpus that the vectors are of."""
    encoder = open_encoder(settings, vectors.vectors.shape[1], device)
    types = TypeTable(encoder.hash_rows(vectors.corpus.types), vectors.rows, device.to_device(vectors.vectors))
    return Classifier(encoder, types, vectors.corpus, classes)


def accuracy(scores: Floats, labels: NDArray[np.integer]) -> float:
    """The share of the labels (n,) that scores (n, classes) get right; NaN of none."""
    return float((scores.argmax(axis=1) == labels).mean()) if len(labels) else float("nan")


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the classes' probabilities, (n, classes)."""
    shifted: Floats = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def sharpened(weights: Parameters, factor: float) -> Parameters:
    """The same classifier, its logits multiplied by a factor: as sure as that makes it."""
    changed = weights.like(weights.flat.copy())
    for name in ("softmax.W", "softmax.b"):
        changed[name][...] *= np.float32(factor)
    return changed


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
