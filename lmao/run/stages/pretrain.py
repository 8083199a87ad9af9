"""The pre-training of a run: taken from the cache, gone on with, or begun; told epoch by epoch."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmao.config.textcat import CnnTextcat
from lmao.corpus.batches import documents as whole_documents
from lmao.corpus.batches import windows
from lmao.corpus.corpus import Corpus
from lmao.corpus.syntax import find_heads
from lmao.data.document import Source
from lmao.data.splits import Splits
from lmao.encoder.encoder import TypeTable
from lmao.engine.parameters import Parameters
from lmao.objectives.opening import Given, open_tasks
from lmao.objectives.tasks import TextVectors
from lmao.pretrain.checkpoint import Checkpoints, Epoch
from lmao.pretrain.loop import Pretraining
from lmao.pretrain.mixing import Mixing
from lmao.run.context import Context
from lmao.run.result import PretrainSummary
from lmao.streams import digest
from lmao.textcat.classifier import Classifier
from lmao.vectors.lookup import TypeVectors
from lmao.vectors.table import StaticVectors
from lmao.vectors.texts import Centered, Composer, WholeDocuments

VERSION = 4  # of what pre-training computes: raise it when the same settings give other weights
MIX = {"mode", "mix", "mix_end", "mix_steps", "mixed_epochs"}
ELSEWHERE = MIX | {"epochs", "save_minutes", "seed"}  # settings that are no part of what all pre-trainings depend on
MIXED_TEXTCAT = {"batch_size", "dropout", "vector_dropout"}
NAMES = {
    "cosine": "held-out cosine",
    "word_accuracy": "word@1",
    "word_accuracy_10": "word@10",
    "byte_accuracy": "bytes",
    "document_cosine": "held-out document cosine",
}


@dataclass(frozen=True)
class TargetTable:
    """What is predicted: the table, and its rows by type."""

    static: StaticVectors
    types: TypeVectors


def pretrained_weights(
    context: Context, source: Source, classifier: Classifier, types: TypeTable, table: TargetTable | None,
    corpus: Corpus, splits: Splits,
) -> tuple[Parameters, PretrainSummary]:  # fmt: skip
    """The weights after all epochs. One process computes them, others that need the same wait for it.

    Raises:
        Diverged: the loss is not finite.
        Stopped: a signal came; the state is saved.
    """
    settings, encoder = context.settings, classifier.encoder
    tasks, predictable = open_tasks(settings.parts, _given(context, source, corpus, table, splits.pretrain), encoder)
    seed = settings.pretrain_seed
    record: dict[str, Any] = {
        "version": VERSION,
        "encoder": settings.encoder.model_dump(),
        "objective": settings.objective.model_dump(),
        "pretrain": settings.pretrain.model_dump(exclude=ELSEWHERE),
        "seed": seed,
        "corpus": corpus.digest,
        "documents": digest(splits.pretrain),
        "vectors": context.digests.get("vectors"),
        "target": context.digests.get("target"),
    }
    if "heads" in context.digests:
        record["heads"] = context.digests["heads"]
    phases = {"pretrain": [False], "interleave": [True], "both": [False, True]}[settings.pretrain.mode]
    weights, epochs, cached = None, list[Epoch](), 0
    for mixed in phases:
        mixing = None
        if mixed:
            assert isinstance(settings.textcat, CnnTextcat)
            mixing = Mixing(settings.pretrain, settings.textcat, classifier, splits.train, settings.seed)
            record |= {
                "epochs_before": None if weights is None else settings.pretrain.epochs,
                "mix": settings.pretrain.model_dump(include=MIX - {"mixed_epochs"}),
                "textcat": settings.textcat.model_dump(include=MIXED_TEXTCAT),
                "labelled": [
                    digest(splits.train.documents),
                    digest(splits.train.labels.astype(np.int64)),
                    settings.seed,
                ],
            }
        pretraining = Pretraining(
            settings.pretrain, encoder, corpus, types, tasks, predictable, splits.pretrain, seed, mixing, len(epochs)
        )
        if weights is not None:
            pretraining.start_from(weights)
        wanted = settings.pretrain.epochs if weights is None else settings.pretrain.mixed_epochs
        checkpoints = Checkpoints(context.cache, record, pretraining.shapes)
        weights, made, known = _phase(context, pretraining, checkpoints, wanted, len(epochs))
        epochs += made
        cached += known
    assert weights is not None
    return weights, _summary(epochs, cached)


def _phase(
    context: Context, pretraining: Pretraining, checkpoints: Checkpoints, wanted: int, before: int
) -> tuple[Parameters, list[Epoch], int]:
    """Weights, the phase's epochs, numbered on from those before, and how many were there already."""
    found = checkpoints.epoch(wanted)
    with context.timed("pretrain"), nullcontext() if found else checkpoints.lock():
        if found is None:
            found = checkpoints.epoch(wanted)  # made by the process that held the lock
        if found is None:
            pretraining.resume(checkpoints, wanted)
        cached = [replace(epoch, epoch=before + epoch.epoch) for epoch in (found[1] if found else pretraining.epochs)]
        computed = list[Epoch]()
        total = before + wanted
        for epoch in cached:
            _track(context, epoch)
            context.console.line("pretrain", _describe(epoch, total) + " · cached")
        while len(cached) + len(computed) < wanted:
            with context.console.stage("pretrain", pretraining.words, before=pretraining.words_done) as stage:
                epoch = pretraining.run_epoch(checkpoints, context.team, context.stop, stage.advance)
                epoch = replace(epoch, epoch=before + epoch.epoch)
                stage.done(_describe(epoch, total))
            _track(context, epoch)
            computed.append(epoch)
    weights = found[0] if found else pretraining.weights()
    return weights, cached + computed, len(cached)


def _given(
    context: Context, source: Source, corpus: Corpus, table: TargetTable | None, documents: NDArray[np.int64]
) -> Given:
    settings, counts = context.settings.pretrain, corpus.type_counts(documents)

    def texts(of: Literal["window", "document"]) -> TextVectors:
        assert table is not None
        compose = Composer(corpus, table.static, counts)
        if of == "document":
            return Centered(WholeDocuments(compose, corpus.offsets), whole_documents(corpus, documents))
        return Centered(compose, windows(corpus, documents, settings.window_words))

    def heads(parser: str | None) -> NDArray[np.int32]:
        words = corpus.count(np.arange(len(corpus.parts)))
        with context.timed("heads"), context.console.stage("heads", words) as stage:
            found, digest_of_heads = find_heads(
                corpus, source, context.settings.data.language, parser, context.cache, context.team.threads,
                stage.advance,
            )  # fmt: skip
            stage.done(f"{(found != 0).mean():.1%} of the tokens have one")
        context.digests["heads"] = context.digests.get("heads", "") + digest_of_heads
        return found

    nothing = np.full(len(corpus.types), -1, dtype=np.int32), np.zeros((1, 0), dtype=np.float32)
    rows, vectors = nothing if table is None else (table.types.predictable(corpus), table.types.vectors)
    return Given(corpus, counts, rows, vectors, texts, heads)


def _track(context: Context, epoch: Epoch) -> None:
    figures = {**epoch.record(), "words_per_second": epoch.words_per_second}
    for name in figures.keys() - {"epoch", "words", "seconds"}:
        context.tracker.metric(f"pretrain/{name}", figures[name], epoch.epoch)


def _describe(epoch: Epoch, wanted: int) -> str:
    figures = []
    for name, value in epoch.heldout.items():
        known = next(known for known in sorted(NAMES, key=len, reverse=True) if name.endswith(known))
        figures.append(f"{name.removesuffix(known).replace('_', ' ')}{NAMES[known]} {value:.3f}")
    return (
        f"epoch {epoch.epoch}/{wanted} · {epoch.words / 1e6:.2f} M words · {epoch.words_per_second:,.0f} w/s · "
        f"loss {epoch.loss:.3f} · {', '.join(figures)}"
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
        records=[epoch.record() for epoch in epochs],
    )
