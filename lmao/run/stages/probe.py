"""The line `probe`: a frozen encoder and labels come in, a linear probe on its texts goes out, and what it is worth."""

from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao.config.textcat import EncoderTextcat
from lmao.data.splits import Splits
from lmao.engine.parameters import Floats, Parameters
from lmao.run.context import Context
from lmao.run.result import ProbeSummary
from lmao.run.scores import write_predictions
from lmao.run.stages.pretrain import Pretrained
from lmao.textcat.classifier import Classifier, accuracy
from lmao.textcat.folds import Cuts, cut_texts
from lmao.textcat.probe import Probe, fit_probe, refit

Linear = tuple[Floats, Floats]  # W (outputs, inputs), b (outputs,)

PROBE_PREDICTIONS = "probe_predictions.npz"


def text_map(pretrained: Pretrained) -> Linear | None:
    """Where pre-training predicted texts' vectors from the pooled encoding by a linear map: that map."""
    maps = (task.output.linear_map(pretrained.weights) for task in pretrained.tasks if task.pooled)
    return next((found for found in maps if found is not None), None)


def fit(features: Floats, head: Linear | None, labels: NDArray[np.integer], classes: int, cuts: Cuts) -> Probe:
    """A probe for pooled encodings, fit on what the head predicts from them where there is one.

    Both are linear, but the penalty then counts directions as the documents' vectors have them: 0.3 points on IMDB.
    """
    if head is None:
        return fit_probe(features, labels, classes, cuts)
    W, b = head
    return fit_probe(features @ W.T + b, labels, classes, cuts).behind(W, b)


def fit_again(probe: Probe, features: Floats, head: Linear | None, labels: NDArray[np.integer]) -> Probe:
    """The same on a part of the examples. Its strength is chosen once, from all of them: one number tells little."""
    if head is None:
        return refit(probe, features, labels)
    W, b = head
    return refit(probe, features @ W.T + b, labels).behind(W, b)


def probe_encoder(
    context: Context, classifier: Classifier, weights: Parameters, head: Linear | None, splits: Splits
) -> tuple[Floats, Probe, ProbeSummary]:
    """The features of the training examples, the probe on all of them, and what it is worth by itself."""
    train, dev = splits.train, splits.dev
    classes = classifier.shapes["softmax.b"][0]
    with context.timed("probe"), context.console.stage("probe") as stage:
        began = perf_counter()
        features = classifier.features(weights, train.documents, context.team, stage.advance)
        probe = fit(features, head, train.labels, classes, cut_texts(classifier.corpus, train, context.settings.seed))
        seconds = perf_counter() - began
        scores = probe.calibrated().predict(classifier.features(weights, dev.documents, context.team, stage.advance))
        right = accuracy(scores, dev.labels)
        judged = f" · dev {right:.4f}" * (len(dev.labels) > 0)
        stage.done(f"frozen encoder · cross-validated {probe.accuracy:.3f} (C {probe.C:.2g}){judged}")
    if context.settings.pretrains and context.settings.pretrain.mode != "pretrain":
        context.console.warn(
            f"probe: pretrain.mode={context.settings.pretrain.mode} has learned these labels: what is cross-validated "
            "flatters it, and its probabilities are too sure"
        )
    if probe.warning is not None:
        context.console.warn(f"probe: {probe.warning}")
    write_predictions(context.folder / PROBE_PREDICTIONS, (scores, dev.labels, dev.documents), None)
    summary = ProbeSummary(probe.accuracy, right, probe.C, seconds)
    context.tracker.metric("probe/accuracy", summary.accuracy)
    context.tracker.metric("probe/dev_accuracy", summary.dev_accuracy)
    settings = context.settings.textcat
    assert isinstance(settings, EncoderTextcat)
    few = slice(settings.early_stopping_examples)
    context.trial.report(0, accuracy(scores[few], dev.labels[few]))
    return features, probe, summary
