"""Linear classifiers of a run: its texts and labels come in, each is trained and told of in a line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.ngrams import Ids
from lmao.engine.parameters import Floats
from lmao.run.arms.trained import Predict
from lmao.run.context import Context
from lmao.run.stages.encode import Dataset
from lmao.streams import stream
from lmao.textcat.folds import HeldOut, cut_texts
from lmao.textcat.lsa import fit_lsa
from lmao.textcat.ngram_classifier import NgramClassifier, regressions
from lmao.textcat.ngram_weights import NgramWeights
from lmao.textcat.probe import Probe, fit_probe
from lmao.textcat.self_training import self_trained
from lmao.textcat.vector_weights import Features, vector_weights
from lmao.trained.chosen import AnyArm
from lmao.vectors.lookup import TypeVectors
from lmao.vectors.texts import document_vectors, mean_vectors

RAW = 4000  # texts that self-training labels
NAMES: Mapping[Features, str] = {"mean": "mean of vectors", "document": "weighted sum of vectors"}


@dataclass(frozen=True)
class Line:
    """The line that tells of a classifier: the stage's name, and what it is called."""

    stage: str
    name: str

    def text(self, held_out: HeldOut, megabytes: float, chosen: str) -> str:
        size = f"{megabytes:.1f} MB" if megabytes >= 0.1 else f"{megabytes * 1000:.0f} kB"
        return f"{self.name} · cross-validated {held_out.accuracy:.3f} ± {held_out.error:.3f} · {size} · {chosen}"


@dataclass(frozen=True)
class Learned:
    """A classifier trained on all labels, and its answers in cross-validation, both calibrated by these.

    numbers: how many it learned; megabytes: of all it needs to predict; saved: it, as it is saved.
    """

    predict: Predict
    held_out: HeldOut
    numbers: int
    megabytes: float
    saved: AnyArm


def learn_ngrams(context: Context, data: Dataset, line: Line) -> Learned:
    train, corpus, seed = data.splits.train, data.texts.corpus, context.settings.seed
    classifier, read = NgramClassifier(), _reader(data)
    cuts = cut_texts(corpus, train, seed)
    total = regressions(train.labels, cuts)
    with context.console.stage(line.stage, total, "regressions") as stage:
        classifier.fit(read(train.documents), train.labels, len(corpus.label_names), cuts, stage.advance)
        saved = classifier.weights(corpus.words)
        chosen = f"{classifier.features:,} n-grams · {classifier.setting}"
        stage.done(line.text(classifier.held_out, saved.megabytes, chosen))
    return Learned(_predictor(data, saved), classifier.held_out, classifier.numbers, saved.megabytes, saved)


def learn_lsa(context: Context, data: Dataset, line: Line) -> Learned:
    train, corpus, seed = data.splits.train, data.texts.corpus, context.settings.seed
    read = _reader(data)
    with context.console.stage(line.stage) as stage:
        texts, examples = read(data.texts.documents), read(train.documents)
        cuts = cut_texts(corpus, train, seed)
        classifier = fit_lsa(texts, examples, train.labels, len(corpus.label_names), seed, cuts)
        classifier = replace(classifier, probe=classifier.probe.calibrated())
        probe, saved = classifier.probe, classifier.weights(corpus.words)
        chosen = f"latent semantic analysis, {classifier.dims} dimensions · C {probe.C:.3g}"
        stage.done(line.text(probe.held_out, saved.megabytes, chosen))
    _warn(context, probe, line)
    return Learned(_predictor(data, saved), probe.held_out, probe.W.size, saved.megabytes, saved)


def learn_mean_vectors(context: Context, data: Dataset, vectors: TypeVectors, line: Line) -> Learned:
    def read(documents: NDArray[np.int64]) -> Floats:
        return mean_vectors(vectors, documents)

    return _learn_probe(context, data, vectors, "mean", read, line)[0]


def learn_document_vectors(context: Context, data: Dataset, vectors: TypeVectors, line: Line) -> tuple[Learned, Probe]:
    return _learn_probe(context, data, vectors, "document", _document_reader(data, vectors), line)


def learn_from_raw_texts(
    context: Context, data: Dataset, vectors: TypeVectors, probe: Probe, others: NDArray[np.int64], line: Line
) -> Learned:
    """From the labels that a probe on document vectors gives some of other documents."""
    train, read = data.splits.train, _document_reader(data, vectors)
    some = np.sort(stream(context.settings.seed, "self-training").permutation(others)[:RAW])
    with context.console.stage(line.stage) as stage:
        cuts = cut_texts(data.texts.corpus, train, context.settings.seed)
        taught = self_trained(read(train.documents), train.labels, read(some), probe, cuts)
        learned = _learned(data, vectors, "document", taught)
        chosen = f"on the labels that it gave {len(some):,} texts"
        stage.done(line.text(learned.held_out, learned.megabytes, chosen))
    return learned


def _learn_probe(
    context: Context, data: Dataset, vectors: TypeVectors, features: Features,
    read: Callable[[NDArray[np.int64]], Floats], line: Line,
) -> tuple[Learned, Probe]:  # fmt: skip
    train, corpus = data.splits.train, data.texts.corpus
    with context.console.stage(line.stage) as stage:
        cuts = cut_texts(corpus, train, context.settings.seed)
        probe = fit_probe(read(train.documents), train.labels, len(corpus.label_names), cuts)
        learned = _learned(data, vectors, features, probe)
        stage.done(line.text(learned.held_out, learned.megabytes, f"{NAMES[features]} · C {probe.C:.3g}"))
    _warn(context, probe, line)
    return learned, probe


def _learned(data: Dataset, vectors: TypeVectors, features: Features, probe: Probe) -> Learned:
    probe = probe.calibrated()
    assert vectors.table is not None
    saved = vector_weights(features, data.texts, vectors.table, probe)
    if isinstance(saved, NgramWeights):
        return Learned(_predictor(data, saved), probe.held_out, probe.W.size, saved.megabytes, saved)

    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return saved.predict(vectors, documents)

    return Learned(predict, probe.held_out, probe.W.size, saved.megabytes + vectors.table.megabytes, saved)


def _predictor(data: Dataset, saved: NgramWeights) -> Predict:
    """What is saved says it: the run's figures are those of a loaded classifier."""
    return lambda documents, advance: saved.predict(data.texts.corpus, documents)


def _reader(data: Dataset) -> Callable[[NDArray[np.int64]], list[Ids]]:
    """Word ids of documents."""
    corpus = data.texts.corpus
    return lambda documents: [corpus.word_ids(int(number)) for number in documents]


def _document_reader(data: Dataset, vectors: TypeVectors) -> Callable[[NDArray[np.int64]], Floats]:
    table = vectors.table
    assert table is not None
    return lambda documents: document_vectors(data.texts, table, documents)


def _warn(context: Context, probe: Probe, line: Line) -> None:
    if probe.warning is not None:
        context.console.warn(f"{line.name}: {probe.warning}")
