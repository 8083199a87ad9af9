"""The classifier of a run: encoder and labels in, weights out, begun from a linear probe or afresh; told as it goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.config.textcat import EncoderTextcat
from lmao.console import Stage, counted
from lmao.data.splits import Examples, Splits
from lmao.engine.parameters import Floats, Parameters
from lmao.run.code import sources_digest
from lmao.run.context import Context
from lmao.run.result import ProbeSummary, TextcatSummary
from lmao.run.stages.pretrain import Pretrained
from lmao.run.stages.probe import Linear, fit_again, probe_encoder, text_map
from lmao.streams import digest
from lmao.textcat.classifier import Classifier, initial_weights, sharpened
from lmao.textcat.finetuning import TINY, CrossValidatedTuning, Epoch, FineTuning
from lmao.textcat.folds import FOLDS, Cuts, Fold, HeldOut, cut_texts
from lmao.textcat.probe import Probe, fit_probe

ENOUGH = 200  # examples that fine-tuning is judged by, if need be from several folds: 20 can't tell
CONTROL_EPOCHS = (3, 10)
CONTROL_EXAMPLES, CONTROL_WORDS = 5000, 1e6  # in all its epochs, but for the least number of them


@dataclass(frozen=True)
class Probed:
    """The linear probe, and the weights of a classifier that has it for a softmax."""

    probe: Probe
    weights: Parameters


@dataclass(frozen=True)
class Tuned:
    """The classifier's weights after training on the labels, where the model computes.

    probed: what it began from, if that was a probe; held_out: what fine-tuned weights say of the training examples that
    its folds held out, NaN elsewhere; None where the probe stayed, or nothing was held out. All are calibrated by what
    was held out, once nothing is trained any more: fine-tuning begins from a probe that isn't.
    """

    weights: Parameters
    summary: TextcatSummary
    probed: Probed | None = None
    held_out: HeldOut | None = None

    @property
    def temperature(self) -> float | None:
        """What the logits were divided by, if they were."""
        if self.held_out is None:
            return None if self.probed is None else self.probed.probe.held_out.temperature
        return self.held_out.temperature


def train_classifier(
    context: Context, classifier: Classifier, pretrained: Pretrained | None, splits: Splits, digests: Mapping[str, str],
    fine_tune: bool = True,
) -> Tuned:  # fmt: skip
    """Trained on the labels, as `textcat.init` has it. digests: of all that the run depends on; fine_tune: whether more
    than the probe is trained.

    Raises:
        Diverged: the loss is not finite.
        Pruned: the trial isn't worth going on with.
        Stopped: a signal came.
    """
    settings = _settings(context)
    loaded = None if pretrained is None else pretrained.weights
    weights, arrays, numbers = initial_weights(classifier, loaded, context.settings.seed)
    if arrays:
        context.console.line("textcat", f"loaded {arrays} pre-trained arrays ({numbers:,} weights)")
    if settings.init == "probe":
        head = None if pretrained is None else text_map(pretrained)
        rate = settings.probed_rate if pretrained is not None else 1.0
        rate *= context.settings.optimizer.learn_rate
        return _probe_first(context, classifier, weights, head, splits, digests, rate, fine_tune)
    tuning = _tuning(context, classifier, weights, splits.train, splits.dev)
    _take_up(context, tuning, digests, [weights])
    with context.timed("textcat"):
        epochs = _run(context, tuning, len(splits.train.labels))
    return Tuned(tuning.best, _summary(context, epochs, tuning.best_epoch, None))


def train_control(
    context: Context, classifier: Classifier, splits: Splits, digests: Mapping[str, str]
) -> tuple[Parameters, int]:
    """The encoder without pre-training, where the model computes, and its epochs.

    From its probe it is trained at the whole rate, for as many epochs as read 5,000 examples, and judged by nobody: to
    find the best number of epochs by holding labels out takes up to ten times as long, and was no better (docs/log.md).

    Raises:
        Diverged: the loss is not finite.
    """
    train, seed = splits.train, context.settings.seed
    weights = initial_weights(classifier, None, seed)[0]
    affordable = min(CONTROL_EXAMPLES / len(train.labels), CONTROL_WORDS / classifier.corpus.count(train.documents))
    least, most = CONTROL_EPOCHS
    epochs = min(most, max(least, round(affordable)))
    total = epochs * len(train.labels)
    with context.timed("control"), context.console.stage("control", total, "examples") as stage:
        features = classifier.features(_placed(context, weights), train.documents, context.team)
        cuts = cut_texts(classifier.corpus, train, seed)
        probe = fit_probe(features, train.labels, classifier.shapes["softmax.b"][0], cuts)
        probed = _with_probe(weights, probe)
        tuning = _tuning(context, classifier, probed, train, splits.dev)
        _take_up(context, tuning, digests, [probed])
        with context.parts.training():
            tuning.train(epochs, context.team, _begun(context, stage, tuning))
        stage.done(f"the encoder without pre-training, to compare with · {counted(epochs, 'epoch')}")
    return _placed(context, tuning.best), epochs


def tuning_words(context: Context, classifier: Classifier, train: Examples) -> tuple[int, int]:
    """How many words fine-tuning reads after a probe: at least, to stop without a gain, and at most."""
    settings, count = _settings(context), classifier.corpus.count
    cuts = cut_texts(classifier.corpus, train, context.settings.seed)
    folds = sum(count(train.documents[fold.rest]) for fold in inner_folds(cuts, len(train.labels)))
    least = min(settings.patience + 1, settings.epochs) * folds
    return least, settings.epochs * (folds + count(train.documents))


def _probe_first(
    context: Context, classifier: Classifier, weights: Parameters, head: Linear | None, splits: Splits,
    digests: Mapping[str, str], rate: float, fine_tune: bool,
) -> Tuned:  # fmt: skip
    """Linear probing, then fine-tuning (Kumar et al. 2022), for as many epochs as help on held-out training examples.

    Fine-tuning that starts from a random softmax distorts what the encoder has learned; from the probe's it does less
    so. Dev labels decide nothing.
    """
    features, probe, probe_summary = probe_encoder(context, classifier, _placed(context, weights), head, splits)
    train = splits.train
    if not fine_tune:
        calibrated = probe.calibrated()
        probed = _placed(context, _with_probe(weights, calibrated))
        return Tuned(probed, TextcatSummary(0, 0, 0.0, [], probe_summary), Probed(calibrated, probed))
    folds = inner_folds(cut_texts(classifier.corpus, train, context.settings.seed), len(train.labels))
    with context.timed("textcat"):
        starts = [
            _with_probe(weights, fit_again(probe, features[fold.rest], head, train.labels[fold.rest])) for fold in folds
        ]
        tunings = [
            _tuning(context, classifier, start, _part(train, fold.rest), splits.dev, rate)
            for start, fold in zip(starts, folds, strict=True)
        ]
        inner = CrossValidatedTuning(tunings, [_part(train, fold.held) for fold in folds])
        _take_up(context, inner, digests, starts)
        epochs = _run(context, inner, sum(len(fold.rest) for fold in folds))
        calibrated = probe.calibrated()
        probed = _with_probe(weights, calibrated)
        tuned, held_out = probed, None
        if inner.best_epoch:
            held_out = _held_out(inner.held_scores, [fold.held for fold in folds], train.labels)
            start = _with_probe(weights, probe)
            whole = _tuning(context, classifier, start, train, splits.dev, rate)
            _take_up(context, whole, digests, [start])
            total = inner.best_epoch * len(train.labels)
            with context.console.stage("textcat", total, "examples") as stage, context.parts.training():
                whole.train(inner.best_epoch, context.team, _begun(context, stage, whole))
                stage.done(f"{counted(inner.best_epoch, 'epoch')} on all labels")
            tuned, held_out = sharpened(whole.best, held_out.sharpness), held_out.calibrated()
    summary = _summary(context, epochs, inner.best_epoch, probe_summary)
    return Tuned(_placed(context, tuned), summary, Probed(calibrated, _placed(context, probed)), held_out)


def _held_out(scores: Floats, held: Sequence[NDArray[np.int64]], labels: NDArray[np.integer]) -> HeldOut:
    """From probabilities (held out, classes), fold by fold."""
    answers = np.full((1, len(labels), scores.shape[1]), np.nan)
    answers[0, np.concatenate(held)] = np.log(np.maximum(scores, TINY))
    return HeldOut(answers, labels)


def inner_folds(cuts: Cuts, examples: int) -> Sequence[Fold]:
    """The first folds of the cross-validation: as many as it takes to judge by some `ENOUGH` examples, at most all."""
    return cuts[0][: max(1, round(ENOUGH * FOLDS / examples))]


def _with_probe(weights: Parameters, probe: Probe) -> Parameters:
    started = weights.like(weights.flat.copy())
    started.copy_from({"softmax.W": probe.W, "softmax.b": probe.b})
    return started


def _placed(context: Context, weights: Parameters) -> Parameters:
    """Where the model computes."""
    return weights.like(context.team.device.to_device(weights.flat))


def _part(examples: Examples, places: NDArray[np.int64]) -> Examples:
    return Examples(examples.documents[places], examples.labels[places])


def _settings(context: Context) -> EncoderTextcat:
    settings = context.settings.textcat
    assert isinstance(settings, EncoderTextcat)
    return settings


def _tuning(
    context: Context, classifier: Classifier, weights: Parameters, train: Examples, dev: Examples,
    rate: float | None = None,
) -> FineTuning:  # fmt: skip
    settings = context.settings
    return FineTuning(_settings(context), settings.optimizer, classifier, weights, train, dev, settings.seed, rate)


def _run(context: Context, tuning: FineTuning | CrossValidatedTuning, examples: int) -> list[Epoch]:
    """Fine-tune and tell; examples: how many an epoch has."""
    epochs: list[Epoch] = []
    most = _settings(context).epochs * examples  # it may stop earlier
    with context.console.stage("textcat", most, "examples") as stage, context.parts.training():
        for epoch in tuning.run(context.team, _begun(context, stage, tuning)):
            epochs.append(epoch)
            context.tracker.metric("textcat/loss", epoch.loss, epoch.epoch)
            if epoch.inner_loss is not None:
                context.tracker.metric("textcat/inner_loss", epoch.inner_loss, epoch.epoch)
            context.tracker.metric("dev/accuracy", epoch.dev_accuracy, epoch.epoch)
            context.trial.report(epoch.epoch, epoch.dev_accuracy)
        stage.done(f"{counted(len(epochs), 'epoch')} · loss {epochs[-1].loss:.3f} · {_outcome(tuning, epochs)}")
    return epochs


def _take_up(
    context: Context, tuning: FineTuning | CrossValidatedTuning, digests: Mapping[str, str],
    starts: Sequence[Parameters],
) -> None:  # fmt: skip
    """Where an earlier run left it. starts: the weights that it begins with."""
    record = {"sources": sources_digest(), **digests, "starts": [digest(start.flat) for start in starts]}
    context.parts.take_up(record, tuning)


def _begun(context: Context, stage: Stage, tuning: FineTuning | CrossValidatedTuning) -> Callable[..., None]:
    """What is called after each step: it tells of it, and looks whether a signal has come."""
    stage.advance(0.0, before=float(tuning.done))

    def advance(amount: float, **figures: float) -> None:
        stage.advance(amount, **figures)
        context.parts.poll()

    return advance


def _outcome(tuning: FineTuning | CrossValidatedTuning, epochs: list[Epoch]) -> str:
    if isinstance(tuning, FineTuning):
        return f"dev {epochs[-1].dev_accuracy:.3f} · best {tuning.best_accuracy:.3f} (epoch {tuning.best_epoch})"
    if not tuning.best_epoch:
        return f"held-out log-loss {tuning.start_loss:.3f} did not clearly improve: the probe stays"
    return f"held-out log-loss {tuning.start_loss:.3f}, best {tuning.best_loss:.3f} (epoch {tuning.best_epoch})"


def _summary(context: Context, epochs: list[Epoch], best_epoch: int, probe: ProbeSummary | None) -> TextcatSummary:
    return TextcatSummary(
        epochs=len(epochs),
        best_epoch=best_epoch,
        seconds=context.seconds["textcat"],
        records=[asdict(epoch) for epoch in epochs],
        probe=probe,
    )
