"""The pre-training of a run: taken from the cache, gone on with, or begun; told epoch by epoch."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lmao.config.fields import Mark, settled
from lmao.config.textcat import EncoderTextcat
from lmao.console import words_counted
from lmao.corpus.batches import documents as whole_documents
from lmao.corpus.batches import windows
from lmao.corpus.selection import Selection
from lmao.engine.parameters import Parameters
from lmao.objectives.opening import TargetSources, open_tasks
from lmao.objectives.tasks import Task, TextVectors
from lmao.pretrain.checkpoint import Checkpoints, PretrainEpoch
from lmao.pretrain.loop import Pretraining
from lmao.pretrain.measuring import labels
from lmao.pretrain.mixing import Mixing
from lmao.pretrain.model import PretrainModel
from lmao.pretrain.texts import PretrainTexts
from lmao.run.context import Context
from lmao.run.result import PretrainSummary
from lmao.run.stages.encode import Dataset
from lmao.run.stages.heads import Heads
from lmao.streams import digest
from lmao.textcat.classifier import Classifier
from lmao.vectors.lookup import TypeVectors
from lmao.vectors.texts import CenteredVectors, Composer, WholeDocuments

VERSION = 5  # of what pre-training computes: raise it when the same settings give other weights


@dataclass(frozen=True)
class Pretrained:
    """weights: the encoder's and those of the tasks' heads, averaged, on the host."""

    weights: Parameters
    tasks: Sequence[Task]
    summary: PretrainSummary


def pretrain(
    context: Context, classifier: Classifier, data: Dataset, target_vectors: TypeVectors, heads: Heads,
    start: Parameters | None, digests: Mapping[str, str],
) -> Pretrained:  # fmt: skip
    """The weights after all epochs. One process computes them, others that need the same wait for it.

    target_vectors, heads: what its tasks predict; start: the encoder's first weights, None for random ones; digests: of
    the vectors, and of these three, where there are any.

    Raises:
        Diverged: the loss is not finite.
        Stopped: a signal came; the state is saved.
    """
    settings, encoder, selection, train = context.settings, classifier.encoder, data.texts, data.splits.train
    tasks, predictable = open_tasks(settings.parts, _target_sources(context, selection, target_vectors, heads), encoder)
    model, seed = PretrainModel(encoder, classifier.types, tasks), settings.pretrain_seed
    texts = PretrainTexts(settings.pretrain, selection, predictable, encoder.gap, seed)
    record: dict[str, Any] = {
        "version": VERSION,
        "encoder": settings.encoder.without(Mark.NOT_SCIENCE),
        "objective": settings.objective.model_dump(),
        "pretrain": settings.pretrain.without(Mark.MIXED, Mark.APART),
        "seed": seed,
        "corpus": selection.corpus.digest,
        "documents": selection.digest,
        "vectors": digests.get("vectors"),
        "target": digests.get("target"),
    }
    record |= {name: digests[name] for name in ("heads", "start") if name in digests}
    phases = {"pretrain": [False], "interleave": [True], "both": [False, True]}[settings.pretrain.mode]
    weights, epochs, cached = None, list[PretrainEpoch](), 0
    for mixed in phases:
        mixing = None
        if mixed:
            assert isinstance(settings.textcat, EncoderTextcat)
            mixing = Mixing(settings.pretrain, settings.textcat, classifier, train, settings.seed)
            record |= {
                "epochs_before": None if weights is None else settings.pretrain.epochs,
                "mix": settings.pretrain.only(Mark.MIXED),
                "textcat": settings.textcat.only(Mark.MIXED),
                "labelled": [
                    digest(train.documents),
                    digest(train.labels.astype(np.int64)),
                    settings.seed,
                ],
            }
        pretraining = Pretraining(settings.pretrain, model, texts, mixing, len(epochs))
        before = start if weights is None else weights
        if before is not None:
            pretraining.start_from(before)
        wanted = settled(settings.pretrain.epochs) if weights is None else settings.pretrain.mixed_epochs
        checkpoints = Checkpoints(context.cache, record, pretraining.shapes)
        weights, made, known = _phase(context, pretraining, checkpoints, wanted, len(epochs))
        epochs += made
        cached += known
    assert weights is not None
    return Pretrained(weights, tasks, _summary(epochs, cached))


def _phase(
    context: Context, pretraining: Pretraining, checkpoints: Checkpoints, wanted: int, before: int
) -> tuple[Parameters, list[PretrainEpoch], int]:
    """Weights, the phase's epochs, numbered on from those before, and how many were there already."""
    found = checkpoints.epoch(wanted)
    with context.timed("pretrain"), nullcontext() if found else checkpoints.lock():
        if found is None:
            found = checkpoints.epoch(wanted)  # made by the process that held the lock
        if found is None:
            pretraining.resume(checkpoints, wanted)
        cached = [replace(epoch, epoch=before + epoch.epoch) for epoch in (found[1] if found else pretraining.epochs)]
        computed = list[PretrainEpoch]()
        total, called = before + wanted, labels(pretraining.model.tasks)
        for epoch in cached:
            _track(context, epoch)
            context.console.line("pretrain", _describe(epoch, total, called) + " · cached")
        while len(cached) + len(computed) < wanted:
            with context.console.stage("pretrain", pretraining.words, before=pretraining.words_done) as stage:
                epoch = pretraining.run_epoch(checkpoints, context.team, context.stop, stage.advance)
                epoch = replace(epoch, epoch=before + epoch.epoch)
                stage.done(_describe(epoch, total, called))
            _track(context, epoch)
            computed.append(epoch)
    weights = found[0] if found else pretraining.weights()
    return weights, cached + computed, len(cached)


def _target_sources(context: Context, texts: Selection, target_vectors: TypeVectors, heads: Heads) -> TargetSources:
    corpus, documents = texts.corpus, texts.documents

    def text_vectors(of: Literal["window", "document"]) -> TextVectors:
        assert target_vectors.table is not None
        compose = Composer(texts, target_vectors.table)
        if of == "document":
            return CenteredVectors(WholeDocuments(compose, corpus.offsets), whole_documents(corpus, documents))
        return CenteredVectors(compose, windows(corpus, documents, settled(context.settings.pretrain.window_words)))

    return TargetSources(texts, target_vectors.predictable, target_vectors.vectors, text_vectors, heads.by_parser)


def _track(context: Context, epoch: PretrainEpoch) -> None:
    figures = {**epoch.record(), "words_per_second": epoch.words_per_second}
    for name in figures.keys() - {"epoch", "words", "seconds"}:
        context.tracker.metric(f"pretrain/{name}", figures[name], epoch.epoch)


def _describe(epoch: PretrainEpoch, wanted: int, called: Mapping[str, str]) -> str:
    """called: what the figures are called."""
    figures = [f"{called.get(name, name.replace('_', ' '))} {value:.3f}" for name, value in epoch.heldout.items()]
    return (
        f"epoch {epoch.epoch}/{wanted} · {words_counted(epoch.words)} · {epoch.words_per_second:,.0f} w/s · "
        f"loss {epoch.loss:.3f} · {', '.join(figures)}"
    )


def _summary(epochs: list[PretrainEpoch], cached: int) -> PretrainSummary:
    words, seconds = sum(epoch.words for epoch in epochs), sum(epoch.seconds for epoch in epochs)
    return PretrainSummary(
        epochs=len(epochs),
        words=words,
        seconds=seconds,
        words_per_second=words / seconds,
        loss=[epoch.loss for epoch in epochs],
        cached=cached,
        records=[epoch.record() for epoch in epochs],
    )
