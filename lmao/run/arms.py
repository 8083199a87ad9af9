"""What is compared: the encoder, pre-trained or not, with a classifier on top; and the linear baseline."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lmao.config.textcat import CnnTextcat, LinearTextcat
from lmao.corpus.corpus import Corpus
from lmao.data.document import Source
from lmao.data.splits import Splits
from lmao.encoder.encoder import Encoder, TypeTable
from lmao.encoder.hashing import hash_rows
from lmao.engine.parameters import Floats
from lmao.pretrain.language_model import save_language_model
from lmao.run.context import Context
from lmao.run.export import build_pipeline, save_pipeline, save_tok2vec
from lmao.run.plots import learning_curves
from lmao.run.result import PretrainSummary, TextcatSummary, code_version
from lmao.run.stages.pretrain import TargetTable, pretrained_weights
from lmao.run.stages.textcat import trained_weights
from lmao.run.stages.vectors import static_vectors
from lmao.textcat.classifier import Classifier
from lmao.textcat.linear import NgramClassifier
from lmao.textcat.probe import fit_probe
from lmao.vectors.loading import of_target
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


def train_linear(context: Context, source: Source, corpus: Corpus, splits: Splits) -> Trained:
    settings = context.settings.textcat
    assert isinstance(settings, LinearTextcat)
    if settings.features != "ngrams":
        return _train_probe(context, corpus, splits, settings.features)
    context.trial.known(context.digests, code_version())
    classifier = NgramClassifier(settings.ngrams, settings.min_count, settings.smoothing, settings.C)

    def read(documents: NDArray[np.int64]) -> list[NDArray[np.int32]]:
        return [corpus.word_ids(int(number)) for number in documents]

    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return classifier.predict(read(documents))

    with context.timed("textcat"), context.console.stage("textcat") as stage:
        classifier.fit(read(splits.train.documents), splits.train.labels, len(corpus.label_names))
        stage.done(f"linear · {classifier.features:,} n-grams")
    summary = TextcatSummary(epochs=0, best_epoch=0, seconds=context.seconds["textcat"], records=[])
    return Trained(predict, None, summary, classifier.features, None)


def _train_probe(context: Context, corpus: Corpus, splits: Splits, kind: Literal["mean", "document"]) -> Trained:
    counts = corpus.type_counts(splits.pretrain)
    vectors, found = static_vectors(context, "vectors", context.settings.vectors, corpus, splits, counts)
    assert vectors is not None
    context.trial.known(context.digests, code_version())

    def read(documents: NDArray[np.int64]) -> Floats:
        if kind == "mean":
            return mean_vectors(corpus, found, documents)
        return document_vectors(corpus, vectors, documents, counts)

    with context.timed("textcat"), context.console.stage("textcat") as stage:
        train, classes = splits.train, len(corpus.label_names)
        probe = fit_probe(read(train.documents), train.labels, classes, context.settings.seed)
        stage.done(f"linear · {kind} of vectors · C {probe.C:.3g} · cross-validated accuracy {probe.accuracy:.3f}")
    summary = TextcatSummary(epochs=0, best_epoch=0, seconds=context.seconds["textcat"], records=[])
    return Trained(lambda documents, advance: probe.predict(read(documents)), None, summary, probe.W.size, None)


def train_cnn(context: Context, source: Source, corpus: Corpus, splits: Splits) -> Trained:
    settings = context.settings
    counts = corpus.type_counts(splits.pretrain)
    vectors, inputs = static_vectors(context, "vectors", settings.vectors, corpus, splits, counts)
    device = context.team.device
    encoder = Encoder(settings.encoder, inputs.vectors.shape[1], device)
    hashed = hash_rows(corpus.types, settings.encoder.embed_rows)
    types = TypeTable(hashed, inputs.rows, device.to_device(inputs.vectors))
    assert isinstance(settings.textcat, CnnTextcat)
    classifier = Classifier(encoder, types, corpus, len(corpus.label_names))
    pretrained, pretrain_summary, table = None, None, None
    if settings.needs_target:
        outputs = inputs
        context.digests["target"] = context.digests.get("vectors", "")
        targets = vectors
        if settings.target.name != "same":
            with of_target():
                targets, outputs = static_vectors(context, "target", settings.target, corpus, splits, counts)
        assert targets is not None
        table = TargetTable(targets, outputs)
    context.trial.known(context.digests, code_version())
    if settings.pretrain.epochs:
        pretrained, pretrain_summary = pretrained_weights(context, source, classifier, types, table, corpus, splits)
    weights, summary = trained_weights(context, classifier, pretrained, splits)
    epochs = [] if pretrain_summary is None else pretrain_summary.records
    learning_curves(context.folder / "curves.png", epochs, summary.records)
    size = None
    if settings.tracking.keep_models != "none":
        with context.timed("export"):
            on_host = weights.like(device.to_host(weights.flat))
            nlp = build_pipeline(settings.data.language, corpus.label_names, settings.encoder, vectors, on_host)
            save_pipeline(nlp, context.folder / "model")
            if pretrained is not None:
                save_tok2vec(nlp, settings.encoder, pretrained, context.folder)
                if table is not None:
                    save_language_model(context.folder, settings, pretrained, corpus, counts, table.types)
        size = sum(path.stat().st_size for path in (context.folder / "model").rglob("*") if path.is_file()) / 1e6

    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return classifier.predict(weights, documents, context.team, advance)

    return Trained(predict, pretrain_summary, summary, weights.flat.size, size)
