"""textcat=auto: texts and labels come in; several classifiers, and what is best of them, by these labels, go out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao.config.fields import settled
from lmao.console import words_counted
from lmao.data.document import Source
from lmao.engine.parameters import Floats
from lmao.errors import UserError
from lmao.run.arms.cnn import Inputs, gather, keep, open_classifier, predictor, pretrain_encoder, saved_encoder
from lmao.run.arms.learned import Learned, Line, learn_document_vectors, learn_from_raw_texts, learn_lsa, learn_ngrams
from lmao.run.arms.trained import Choice, Predict, Trained, chosen_of
from lmao.run.context import Context
from lmao.run.export_linear import whole_pipeline
from lmao.run.result import TOGETHER, ArmSummary, ChoiceSummary, ControlSummary
from lmao.run.stages.encode import Dataset
from lmao.run.stages.pretrain import Pretrained
from lmao.run.stages.textcat import Tuned, train_classifier, train_control, tuning_words
from lmao.textcat.classifier import Classifier
from lmao.textcat.combination import STEPS, Arm, Combination, combine, head_start
from lmao.textcat.folds import cut_texts
from lmao.textcat.ngram_classifier import regressions
from lmao.tracking.trial import NoTrial

NGRAMS, LSA, DOCUMENT, SELF_TRAINED = "n-grams", "LSA", "document vectors", "self-trained"
PROBE, TUNED = "probe", "fine-tuned"
FEW = 2000  # labels; with more, raw texts have nothing to add, and the control would take long
# What would read more words is left out: that takes some ten minutes, and gains little where labels are so many.
MOST_REGRESSED = 5e9  # by the n-grams, in all their regressions
MOST_TUNED = 20e6  # by fine-tuning, before it may stop


@dataclass(frozen=True)
class Candidate:
    """An arm, and what it took; stand_in: the one that it goes on from, see `Arm`."""

    learned: Learned
    seconds: float
    stand_in: str | None = None


@dataclass(frozen=True)
class Encoded:
    """The arms on the encoder. name: of the best of them, by its labels; tuned: that one."""

    candidates: dict[str, Candidate]
    name: str
    tuned: Tuned


@dataclass(frozen=True)
class Costs:
    """Known before anything is trained. Words that are read: by the n-grams in all their regressions, by pre-training,
    and by fine-tuning at least and at most."""

    regressions: int
    regressed: int
    pretrained: int
    tuned: tuple[int, int]


def train_auto(context: Context, source: Source, data: Dataset) -> Trained:
    """The cheap ones first. Where labels are few, the encoder is trained without pre-training, too, to compare with."""
    inputs = gather(context, source, data)
    classifier = open_classifier(context, data, inputs.vectors)
    costs = _costs(context, classifier, data)
    candidates = _linear(context, data, inputs, costs)
    control, control_summary = _control(context, classifier, data, inputs)
    pretrained = pretrain_encoder(context, classifier, data, inputs)
    encoded = _on_encoder(context, classifier, pretrained, data, inputs, costs)
    candidates |= encoded.candidates
    places = {name: place for place, name in enumerate(candidates)}
    arms = [
        Arm(one.learned.held_out, None if one.stand_in is None else places[one.stand_in]) for one in candidates.values()
    ]
    favoured = pretrained is not None
    with context.timed("choose"):
        combination = combine(arms, context.settings.seed, places[PROBE] if favoured else None)
    summary = _summary(candidates, combination, encoded.name, control_summary)
    _tell(context, summary, head_start(len(data.splits.train.labels)) / STEPS if favoured else 0)
    predicts = {name: one.learned.predict for name, one in candidates.items()}
    used = [(one.learned, float(weight)) for one, weight in zip(candidates.values(), combination.weights, strict=True)]
    used = [(learned, weight) for learned, weight in used if weight]
    chosen = chosen_of(context, data, inputs.vectors, [(weight, learned.saved) for learned, weight in used])

    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return combination.predict([of(documents, advance) for of in predicts.values()])

    whole = None
    if summary.name != summary.model:
        whole = whole_pipeline(context, source, data, chosen, inputs.vectors.table, predict)
    size = keep(context, data, inputs.vectors, pretrained, encoded.tuned, whole)
    if size is not None and whole is not None:
        summary = replace(summary, model=summary.name)
    return Trained(
        predict, None if pretrained is None else pretrained.summary, encoded.tuned.summary,
        sum(learned.numbers for learned, _ in used), size, inputs.digests, chosen,
        combination.held_out.temperature, combination.held_out, Choice(predicts, control, combination, summary),
    )  # fmt: skip


def _costs(context: Context, classifier: Classifier, data: Dataset) -> Costs:
    """And the line that tells of them."""
    settings, train, texts = context.settings, data.splits.train, data.texts
    words = texts.corpus.count(train.documents)
    total = regressions(train.labels, cut_texts(texts.corpus, train, settings.seed))
    epochs = settled(settings.pretrain.epochs)
    pretrained = epochs * min(texts.words, settings.pretrain.epoch_words or texts.words)
    costs = Costs(total, total * words, pretrained, tuning_words(context, classifier, train))
    least, most = costs.tuned
    read = [f"{pretrained / 1e6:.1f} by pre-training"] if pretrained else []
    read.append(f"{least / 1e6:.1f} to {most / 1e6:.1f} by fine-tuning")
    line = f"n-grams {total:,} regressions on {words_counted(words)} · M words to read: {', '.join(read)}"
    context.console.line("costs", line)
    return costs


def _control(
    context: Context, classifier: Classifier, data: Dataset, inputs: Inputs
) -> tuple[Predict, ControlSummary] | tuple[None, None]:
    if not context.settings.pretrains or len(data.splits.train.labels) > FEW:
        return None, None
    weights, epochs = train_control(context, classifier, data.splits, inputs.digests)
    return predictor(context, classifier, weights), ControlSummary(epochs, context.seconds["control"])


def _linear(context: Context, data: Dataset, inputs: Inputs, costs: Costs) -> dict[str, Candidate]:
    """Those that need no encoder, as far as they can be trained."""
    found: dict[str, Candidate] = {}

    @contextmanager
    def arm(name: str) -> Iterator[Callable[[Learned], None]]:
        """Takes what was learned; an arm that can't be is left out."""
        began = perf_counter()

        def take(learned: Learned) -> None:
            found[name] = Candidate(learned, perf_counter() - began)

        try:
            with context.timed("arms"):
                yield take
        except UserError as error:
            context.console.warn(f"{name} is left out: {error.what}")

    with arm(NGRAMS) as take:
        if costs.regressed > MOST_REGRESSED:
            raise UserError(f"{costs.regressions:,} regressions on all training texts would take too long")
        take(learn_ngrams(context, data, Line("arm", NGRAMS)))
    with arm(LSA) as take:
        take(learn_lsa(context, data, Line("arm", LSA)))
    if inputs.vectors.table is not None:
        with arm(DOCUMENT) as take:
            learned, probe = learn_document_vectors(context, data, inputs.vectors, Line("arm", DOCUMENT))
            take(learned)
        others = np.setdiff1d(data.texts.documents, data.splits.train.documents)
        if len(others) and len(data.splits.train.labels) <= FEW:
            with arm(SELF_TRAINED) as take:
                take(learn_from_raw_texts(context, data, inputs.vectors, probe, others, Line("arm", SELF_TRAINED)))
    return found


def _on_encoder(
    context: Context, classifier: Classifier, pretrained: Pretrained | None, data: Dataset, inputs: Inputs, costs: Costs
) -> Encoded:
    """Its probe, and what it is after fine-tuning, if that is better."""
    quiet = replace(context, trial=NoTrial(), seconds={})  # the trial's accuracy will be that of the combination
    affordable = costs.tuned[0] <= MOST_TUNED
    if not affordable:
        words = f"{costs.tuned[0] / 1e6:.0f} M words at least"
        context.console.warn(f"{TUNED} is left out: it would read {words}, see the line costs; textcat=cnn trains it")
    tuned = train_classifier(quiet, classifier, pretrained, data.splits, inputs.digests, affordable)
    seconds = quiet.seconds
    context.seconds.update(seconds)
    assert tuned.probed is not None
    megabytes = tuned.weights.flat.nbytes / 1e6
    if inputs.vectors.table is not None:
        megabytes += inputs.vectors.table.megabytes
    probe, numbers = tuned.probed.probe, tuned.weights.flat.size
    predict = predictor(context, classifier, tuned.probed.weights)
    saved = saved_encoder(context, tuned.probed.weights)
    candidates = {PROBE: Candidate(Learned(predict, probe.held_out, numbers, megabytes, saved), seconds["probe"])}
    if tuned.held_out is None:
        return Encoded(candidates, PROBE, tuned)
    predict, saved = predictor(context, classifier, tuned.weights), saved_encoder(context, tuned.weights)
    learned = Learned(predict, tuned.held_out, numbers, megabytes, saved)
    candidates[TUNED] = Candidate(learned, sum(seconds.values()), stand_in=PROBE)
    return Encoded(candidates, TUNED, tuned)


def _summary(
    candidates: dict[str, Candidate], combination: Combination, model: str, control: ControlSummary | None
) -> ChoiceSummary:
    arms = [
        ArmSummary(name, score.accuracy, score.error, float(share), one.seconds, one.learned.megabytes)
        for (name, one), score, share in zip(candidates.items(), combination.arms, combination.shares, strict=True)
    ]
    only = next((arm.name for arm in arms if arm.share == 1), TOGETHER)
    score = combination.together
    return ChoiceSummary(only, score.accuracy, score.error, model, control, arms)


def _tell(context: Context, summary: ChoiceSummary, head_start: float) -> None:
    """A line for each arm on the encoder, whose accuracy is known now, and two for the choice. head_start: the probe's
    share before any label was looked at."""
    for arm in summary.arms:
        context.tracker.metric(f"arms/{arm.name}", arm.accuracy)
        if arm.name in (PROBE, TUNED):
            text = f"{arm.name} · cross-validated {arm.accuracy:.3f} ± {arm.error:.3f} · {arm.megabytes:.1f} MB"
            context.console.line("arm", text, arm.seconds)
    listed = " · ".join(f"{arm.name} {arm.accuracy:.3f} ± {arm.error:.3f}" for arm in summary.arms)
    together = f"{TOGETHER} {summary.accuracy:.3f} ± {summary.error:.3f}"
    context.console.line("choose", f"{listed} · {together} (cross-validated on your labels)")
    shares = sorted((arm for arm in summary.arms if arm.share), key=lambda arm: -arm.share)
    if summary.name == TOGETHER:
        listed = ", ".join(f"{arm.name} {arm.share:.1f}" for arm in shares)
        text = f"{TOGETHER}: {listed}: this mean has the lowest log-loss on held-out labels"
        if head_start:
            text += f", of those in which the {PROBE} has {head_start:.1f} or more, since labels are few"
    else:
        text = f"{summary.name}: nothing added to it lowers the log-loss on held-out labels"
    context.console.line("choose", text)
