"""The line `encode`, and `data`: a source comes in, the run's texts and labels go out."""

from dataclasses import dataclass

import numpy as np

from lmao.cache import key_of
from lmao.config.run import Config
from lmao.config.textcat import LinearTextcat
from lmao.console import shortened, words_counted
from lmao.corpus.checks import findings
from lmao.corpus.corpus import Corpus
from lmao.corpus.encoding import encode
from lmao.corpus.scripts import misfit
from lmao.corpus.selection import Selection
from lmao.data.document import Part, Source
from lmao.data.splits import LISTED, Splits, split, unlabelled
from lmao.engine.team import available_threads
from lmao.errors import UserError
from lmao.run.context import Context
from lmao.streams import digest, stream
from lmao.textcat.folds import cut_texts

LONGEST_NAME = 40  # characters of a label in a line: a column of texts would fill the screen


@dataclass(frozen=True)
class Dataset:
    """What a run learns from. texts: those that vectors are trained on, and the encoder pre-trained on; digest: of them
    and of the examples."""

    texts: Selection
    splits: Splits
    digest: str


def threads_of(settings: Config) -> int:
    return settings.threads or available_threads()


def encode_texts(context: Context, source: Source) -> Dataset:
    settings = context.settings
    with context.timed("encode"), context.console.stage("encode") as stage:
        corpus, cached = encode(source, settings.data.language, context.cache, threads_of(settings), stage.advance)
        stage.done(
            f"{len(corpus.offsets) - 1:,} texts · {words_counted(len(corpus.tokens))} · "
            f"{len(corpus.types):,} types" + " · cached" * cached
        )
    splits = draw(settings, corpus)
    texts = Selection(corpus, splits.pretrain)
    context.console.line(
        "data",
        describe(source, corpus, splits)
        + (f" · {len(texts.documents):,} texts to pre-train on" if settings.pretrains else ""),
    )
    for finding in findings(corpus, splits, settings.data.language):
        context.console.warn(f"data: {finding.text}")
    require_folds(settings, corpus, splits)  # before anything long
    found = key_of(
        {
            "corpus": corpus.digest,
            "pretrain": texts.digest,
            "train": [digest(splits.train.documents), digest(splits.train.labels.astype(np.int64))],
            "dev": [digest(splits.dev.documents), digest(splits.dev.labels.astype(np.int64))],
        }
    )
    context.tracker.dataset(source.name, found, source.name, "training")
    return Dataset(texts, splits, found)


def draw(settings: Config, corpus: Corpus) -> Splits:
    subset = stream(settings.seed, "subset")
    if not settings.data.labelled:
        return unlabelled(settings.data, corpus.parts, subset)
    labels = corpus.labels
    if settings.evaluate_test:
        labels = np.where(corpus.parts == Part.TEST, corpus.test_labels(), labels)
    names = corpus.label_names
    try:
        return split(settings.data, corpus.parts, labels, corpus.copies, names, subset, settings.evaluate_test)
    except UserError as error:
        if fault := misfit(corpus, settings.data.language):  # texts that it finds no words in may look like copies
            raise UserError(f"{error} ({fault})") from None
        raise


def require_folds(settings: Config, corpus: Corpus, splits: Splits) -> None:
    """Raises UserError: too few labels for the cross-validation that these settings need."""
    if settings.data.labelled and (isinstance(settings.textcat, LinearTextcat) or settings.textcat.init == "probe"):
        cut_texts(corpus, splits.train, settings.seed)


def describe(source: Source, corpus: Corpus, splits: Splits) -> str:
    """How the texts were read, the labels, and what the splits are."""
    if not corpus.label_names:
        return " · ".join([source.name, *corpus.notes, "no labels"])
    parts = [source.name, *corpus.notes, _labels(corpus, splits), f"{len(splits.train.labels):,} train"]
    return " · ".join([*parts, f"{len(splits.dev.labels):,} dev"])


def _labels(corpus: Corpus, splits: Splits) -> str:
    """Each label with its share of the training examples: the first ten."""
    counts = np.bincount(splits.train.labels, minlength=len(corpus.label_names))
    order = np.argsort(-counts, kind="stable")[:LISTED]
    listed = ", ".join(f"{shortened(corpus.label_names[label], LONGEST_NAME)} {counts[label]:,}" for label in order)
    more = ", …" if len(counts) > LISTED else ""
    return f"{len(counts)} labels: {listed}{more}"
