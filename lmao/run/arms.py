"""What is compared: the encoder, pre-trained or not, with a classifier on top; and the linear baseline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmao.cache import key_of
from lmao.config.textcat import CnnTextcat, LinearTextcat
from lmao.corpus.selection import Selection
from lmao.data.document import Source
from lmao.encoder.encoder import TypeTable
from lmao.encoder.opening import open_encoder
from lmao.encoder.stock import has_twin
from lmao.engine.parameters import Floats
from lmao.pretrain.language_model import save_language_model
from lmao.run.context import Context
from lmao.run.export import build_pipeline, save_pipeline, save_tok2vec
from lmao.run.plots import learning_curves
from lmao.run.result import PretrainSummary, TextcatSummary, code_version
from lmao.run.stages.encode import Dataset
from lmao.run.stages.heads import syntactic_heads
from lmao.run.stages.pretrain import pretrain
from lmao.run.stages.textcat import trained_weights
from lmao.run.stages.vectors import static_vectors
from lmao.textcat.classifier import Classifier
from lmao.textcat.linear import NgramClassifier
from lmao.textcat.probe import fit_probe
from lmao.vectors.loading import target_table_errors
from lmao.vectors.lookup import TypeVectors, look_up
from lmao.vectors.texts import document_vectors, mean_vectors

Predict = Callable[[NDArray[np.int64], Callable[[float], None]], Floats]


@dataclass(frozen=True)
class Trained:
    """predict(documents (n,), advance) gives probabilities (n, classes); advance is told of the words done."""

    predict: Predict
    pretrain: PretrainSummary | None
    textcat: TextcatSummary
    parameters: int
    model_mb: float | None
    digests: Mapping[str, str]  # of all that it depends on


def train_linear(context: Context, source: Source, data: Dataset) -> Trained:
    settings, corpus, splits = context.settings.textcat, data.texts.corpus, data.splits
    assert isinstance(settings, LinearTextcat)
    if settings.features != "ngrams":
        return _train_probe(context, data, settings.features)
    digests = _tell_trial(context, data)
    classifier = NgramClassifier(settings.ngrams, settings.min_count, settings.smoothing, settings.C)

    def read(documents: NDArray[np.int64]) -> list[NDArray[np.int32]]:
        return [corpus.word_ids(int(number)) for number in documents]

    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return classifier.predict(read(documents))

    with context.timed("textcat"), context.console.stage("textcat") as stage:
        classifier.fit(read(splits.train.documents), splits.train.labels, len(corpus.label_names))
        stage.done(f"linear · {classifier.features:,} n-grams")
    summary = TextcatSummary(epochs=0, best_epoch=0, seconds=context.seconds["textcat"], records=[])
    return Trained(predict, None, summary, classifier.features, None, digests)


def _train_probe(context: Context, data: Dataset, kind: Literal["mean", "document"]) -> Trained:
    corpus = data.texts.corpus
    vectors = static_vectors(context, "vectors", context.settings.vectors, data.texts)
    table = vectors.table
    assert table is not None
    digests = _tell_trial(context, data, vectors=vectors.digest)

    def read(documents: NDArray[np.int64]) -> Floats:
        if kind == "mean":
            return mean_vectors(vectors, documents)
        return document_vectors(data.texts, table, documents)

    with context.timed("textcat"), context.console.stage("textcat") as stage:
        train, classes = data.splits.train, len(corpus.label_names)
        probe = fit_probe(read(train.documents), train.labels, classes, context.settings.seed)
        stage.done(f"linear · {kind} of vectors · C {probe.C:.3g} · cross-validated accuracy {probe.accuracy:.3f}")
    summary = TextcatSummary(epochs=0, best_epoch=0, seconds=context.seconds["textcat"], records=[])
    return Trained(
        lambda documents, advance: probe.predict(read(documents)), None, summary, probe.W.size, None, digests
    )


def train_cnn(context: Context, source: Source, data: Dataset) -> Trained:
    settings, device, corpus = context.settings, context.team.device, data.texts.corpus
    inputs = static_vectors(context, "vectors", settings.vectors, data.texts)
    target_vectors = _target_vectors(context, inputs, data.texts)
    heads = syntactic_heads(context, source, corpus)
    digests = _tell_trial(context, data, vectors=inputs.digest, target=target_vectors.digest, heads=heads.digest)
    encoder = open_encoder(settings.encoder, inputs.vectors.shape[1], device)
    types = TypeTable(encoder.hash_rows(corpus.types), inputs.rows, device.to_device(inputs.vectors))
    assert isinstance(settings.textcat, CnnTextcat)
    classifier = Classifier(encoder, types, corpus, len(corpus.label_names))
    pretrained = None
    if settings.pretrain.epochs:
        pretrained = pretrain(context, classifier, data, target_vectors, heads, digests)
    weights, summary = trained_weights(context, classifier, pretrained, data.splits)
    before = None if pretrained is None else pretrained.summary
    learning_curves(context.folder / "curves.png", [] if before is None else before.records, summary.records)
    size = None
    keep = settings.tracking.keep_models != "none"
    if keep and not has_twin(settings.encoder):
        context.console.warn(f"no model/: spaCy has no parts to compute encoder={settings.encoder.name} with")
    if keep and has_twin(settings.encoder):
        with context.timed("export"):
            on_host = weights.like(device.to_host(weights.flat))
            nlp = build_pipeline(settings.data.language, corpus.label_names, settings.encoder, inputs.table, on_host)
            save_pipeline(nlp, context.folder / "model")
            if pretrained is not None:
                save_tok2vec(nlp, settings.encoder, pretrained.weights, context.folder)
                save_language_model(context.folder, settings.encoder, pretrained.weights, pretrained.tasks, data.texts)
        size = sum(path.stat().st_size for path in (context.folder / "model").rglob("*") if path.is_file()) / 1e6

    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return classifier.predict(weights, documents, context.team, advance)

    return Trained(predict, before, summary, weights.flat.size, size, digests)


def _target_vectors(context: Context, inputs: TypeVectors, texts: Selection) -> TypeVectors:
    """The table whose rows pre-training predicts, or none."""
    settings = context.settings
    if not settings.needs_target:
        return look_up(texts.corpus, None)
    if settings.target.name == "same":
        return inputs
    with target_table_errors():
        return static_vectors(context, "target", settings.target, texts)


def _tell_trial(context: Context, data: Dataset, **found: str | None) -> Mapping[str, str]:
    """The digests of all that the run depends on; its trial is told of them before anything is trained.

    Raises:
        AlreadyRun: another trial has run the same.
    """
    digests = {"config": key_of(context.settings.science()), "data": data.digest}
    digests |= {name: digest for name, digest in found.items() if digest is not None}
    context.trial.look_up(digests, code_version())
    return digests
