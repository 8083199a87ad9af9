"""The pre-training of a run: taken from the cache, gone on with, or begun; told epoch by epoch."""

from contextlib import nullcontext
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from lmao.checkpoint import Checkpoints, Epoch
from lmao.context import Context
from lmao.corpus import Corpus
from lmao.encoder import Encoder, TypeTable
from lmao.lookup import TypeVectors
from lmao.parameters import Parameters
from lmao.pretrain import Pretraining, Targets
from lmao.result import PretrainSummary
from lmao.streams import digest

VERSION = 3  # of what pre-training computes: raise it when the same settings give other weights
FIGURES = ("loss", "words_per_second", "heldout_cosine", "heldout_word_accuracy")


def pretrained_weights(
    context: Context, encoder: Encoder, corpus: Corpus, types: TypeTable, targets: TypeVectors,
    documents: NDArray[np.int64],
) -> tuple[Parameters, PretrainSummary]:  # fmt: skip
    """The weights after `pretrain.epochs` epochs. One process computes them, others that need the same wait for it.

    Raises:
        Diverged: the loss is not finite.
        Stopped: a signal came; the state is saved.
    """
    settings = context.settings
    pretraining = Pretraining(
        settings.pretrain,
        settings.objective,
        encoder,
        corpus,
        types,
        Targets(targets.predictable(corpus), targets.vectors),
        documents,
        settings.pretrain_seed,
    )
    record = {
        "version": VERSION,
        "encoder": settings.encoder.model_dump(),
        "objective": settings.objective.model_dump(),
        "pretrain": settings.pretrain.model_dump(exclude={"epochs", "save_minutes", "seed"}),
        "seed": settings.pretrain_seed,
        "corpus": corpus.digest,
        "documents": digest(documents),
        "vectors": context.digests.get("vectors"),
        "target": context.digests["target"],
    }
    checkpoints = Checkpoints(context.cache, record, pretraining.shapes)
    wanted = settings.pretrain.epochs
    found = checkpoints.epoch(wanted)
    with context.timed("pretrain"), nullcontext() if found else checkpoints.lock():
        if found is None:
            found = checkpoints.epoch(wanted)  # made by the process that held the lock
        if found is None:
            pretraining.resume(checkpoints, wanted)
        cached, computed = list(found[1] if found else pretraining.epochs), list[Epoch]()
        for epoch in cached:
            _track(context, epoch)
            context.console.line("pretrain", _describe(epoch, wanted) + " · cached")
        while len(cached) + len(computed) < wanted:
            with context.console.stage("pretrain", pretraining.words, before=pretraining.words_done) as stage:
                epoch = pretraining.run_epoch(checkpoints, context.team, context.stop, stage.advance)
                stage.done(_describe(epoch, wanted))
            _track(context, epoch)
            computed.append(epoch)
    weights = found[0] if found else pretraining.weights()
    return weights, _summary(cached + computed, len(cached))


def _track(context: Context, epoch: Epoch) -> None:
    for name in FIGURES:
        context.tracker.metric(f"pretrain/{name}", getattr(epoch, name), epoch.epoch)


def _describe(epoch: Epoch, wanted: int) -> str:
    return (
        f"epoch {epoch.epoch}/{wanted} · {epoch.words / 1e6:.2f} M words · {epoch.words_per_second:,.0f} w/s · "
        f"loss {epoch.loss:.3f} · held-out cosine {epoch.heldout_cosine:.3f}, word@1 {epoch.heldout_word_accuracy:.3f}"
    )


def _summary(epochs: list[Epoch], cached: int) -> PretrainSummary:
    words, seconds = sum(epoch.words for epoch in epochs), sum(epoch.seconds for epoch in epochs)
    return PretrainSummary(
        epochs=len(epochs),
        words=words,
        seconds=seconds,
        words_per_second=words / seconds,
        loss=[epoch.loss for epoch in epochs],
        cached=cached,
        records=[asdict(epoch) for epoch in epochs],
    )
