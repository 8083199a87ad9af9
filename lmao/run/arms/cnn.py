"""textcat=cnn: texts and labels come in, the encoder, pre-trained or not, with a classifier on top goes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language

from lmao.corpus.selection import Selection
from lmao.data.document import Source
from lmao.encoder.stock import has_twin
from lmao.engine.parameters import Floats, Parameters
from lmao.pictures import attempt
from lmao.pretrain.language_model import save_language_model
from lmao.run.arms.trained import Predict, Trained, chosen_of, tell_trial
from lmao.run.context import Context
from lmao.run.export import build_pipeline, save_pipeline
from lmao.run.plots import learning_curves
from lmao.run.spacy_train import save_tok2vec
from lmao.run.stages.encode import Dataset
from lmao.run.stages.heads import Heads, syntactic_heads
from lmao.run.stages.pretrain import Pretrained, pretrain
from lmao.run.stages.textcat import Tuned, train_classifier
from lmao.run.stages.vectors import static_vectors
from lmao.run.start import start_digest, start_weights
from lmao.textcat.classifier import Classifier, classifier_on
from lmao.trained.chosen import EncoderWeights
from lmao.vectors.loading import target_table_errors
from lmao.vectors.lookup import TypeVectors, look_up


@dataclass(frozen=True)
class Inputs:
    """What the encoder gets, what it predicts, what it starts from, and the digests of all that the run depends on."""

    vectors: TypeVectors
    target: TypeVectors
    heads: Heads
    start: Parameters | None
    digests: Mapping[str, str]


def train_cnn(context: Context, source: Source, data: Dataset) -> Trained:
    inputs = gather(context, source, data)
    classifier = open_classifier(context, data, inputs.vectors)
    pretrained = pretrain_encoder(context, classifier, data, inputs)
    tuned = train_classifier(context, classifier, pretrained, data.splits, inputs.digests)
    size = keep(context, data, inputs.vectors, pretrained, tuned)
    before = None if pretrained is None else pretrained.summary
    predict = predictor(context, classifier, tuned.weights)
    held_out = None if tuned.probed is None else tuned.probed.probe.held_out
    chosen = chosen_of(context, data, inputs.vectors, [(1.0, saved_encoder(context, tuned.weights))])
    return Trained(
        predict, before, tuned.summary, tuned.weights.flat.size, size, inputs.digests, chosen, tuned.temperature,
        held_out,
    )  # fmt: skip


def gather(context: Context, source: Source, data: Dataset) -> Inputs:
    """Vectors, targets and heads; the trial is told.

    Raises:
        AlreadyRun: another trial has run the same.
    """
    vectors = static_vectors(context, "vectors", context.settings.vectors, data.texts)
    target = _target_vectors(context, vectors, data.texts)
    heads = syntactic_heads(context, source, data.texts.corpus)
    start = start_weights(context.settings, vectors)
    digests = tell_trial(
        context, data, vectors=vectors.digest, target=target.digest, heads=heads.digest,
        start=start_digest(context.settings),
    )  # fmt: skip
    return Inputs(vectors, target, heads, start, digests)


def open_classifier(context: Context, data: Dataset, vectors: TypeVectors) -> Classifier:
    classes = len(data.texts.corpus.label_names)
    return classifier_on(context.settings.encoder, vectors, classes, context.team.device)


def pretrain_encoder(context: Context, classifier: Classifier, data: Dataset, inputs: Inputs) -> Pretrained | None:
    if not context.settings.pretrains:
        return None
    return pretrain(context, classifier, data, inputs.target, inputs.heads, inputs.start, inputs.digests)


def keep(
    context: Context, data: Dataset, vectors: TypeVectors, pretrained: Pretrained | None, tuned: Tuned,
    whole: Language | None = None,
) -> float | None:  # fmt: skip
    """Curves, and the model, if models are kept: its size in MB. whole: of more than the encoder, if there is one."""
    settings, folder, weights = context.settings, context.folder, tuned.weights
    epochs = [] if pretrained is None else pretrained.summary.records
    attempt(
        lambda: learning_curves(folder / "curves.png", epochs, tuned.summary.records, tuned.summary.best_epoch),
        "curves.png",
        context.console.warn,
    )
    if settings.tracking.keep_models == "none":
        return None
    if not has_twin(settings.encoder):
        context.console.warn(f"no model/: spaCy has no parts to compute encoder={settings.encoder.name} with")
        return None
    with context.timed("export"):
        on_host = weights.like(context.team.device.to_host(weights.flat))
        labels = data.texts.corpus.label_names
        nlp = build_pipeline(settings.data.language, labels, settings.encoder, vectors.table, on_host)
        size = save_pipeline(whole or nlp, folder / "model", data.texts.mean_words)
        if pretrained is not None:
            save_tok2vec(nlp, settings.encoder, pretrained.weights, folder, labelled=True)
            save_language_model(folder, pretrained.weights, pretrained.tasks, data.texts)
    return size


def saved_encoder(context: Context, weights: Parameters) -> EncoderWeights:
    return EncoderWeights(context.settings.encoder, weights.like(context.team.device.to_host(weights.flat)))


def predictor(context: Context, classifier: Classifier, weights: Parameters) -> Predict:
    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return classifier.predict(weights, documents, context.team, advance)

    return predict


def _target_vectors(context: Context, inputs: TypeVectors, texts: Selection) -> TypeVectors:
    """The table whose rows pre-training predicts, or none."""
    settings = context.settings
    if not settings.needs_target:
        return look_up(texts.corpus, None)
    if settings.target.name == "same":
        return inputs
    with target_table_errors():
        return static_vectors(context, "target", settings.target, texts)
