"""Texts, labels and vectors looked at without training: settings come in, lines and findings go to the screen."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Cache, open_cache
from lmao.config.run import Config
from lmao.config.vectors import GloveVectors, SpacyVectors, Word2vecVectors
from lmao.console import Console, shortened
from lmao.corpus.checks import findings, lengths, near_copies_within
from lmao.corpus.corpus import Corpus
from lmao.corpus.encoding import encode
from lmao.corpus.selection import Selection
from lmao.data.document import Part
from lmao.data.findings import Finding
from lmao.data.splits import Examples, Splits
from lmao.run.inputs import check_inputs
from lmao.run.stages.encode import LONGEST_NAME, describe, draw, require_folds, threads_of
from lmao.run.stages.vectors import low_coverage, training_texts
from lmao.vectors.loading import load_vectors
from lmao.vectors.lookup import look_up

MOST = 50  # labels in a line


def inspect(settings: Config) -> bool:
    """Returns whether something would spoil the result.

    Raises:
        UserError: about the settings, or what they name.
    """
    console = Console()
    cache = open_cache(settings.cache_dir, console.warn)
    source = check_inputs(settings, cache)
    with console.stage("encode") as stage:
        corpus, _ = encode(source, settings.data.language, cache, threads_of(settings), stage.advance)
    splits = draw(settings, corpus)
    console.line("data", describe(source, corpus, splits))
    console.line("texts", _parts(corpus, splits))
    console.line("words", _words(corpus))
    if settings.data.labelled:
        for name, examples in (("train", splits.train), ("dev", splits.dev), ("test", splits.test)):
            if examples is not None:
                console.line(name, _examples(corpus, examples))
    else:
        console.line("pretrain", f"{len(splits.pretrain):,}: {_repeated(corpus, splits.pretrain)}")
    found = findings(corpus, splits, settings.data.language)
    found += _coverage(settings, cache, Selection(corpus, splits.pretrain), console)
    for finding in found:
        console.warn(finding.text)
    require_folds(settings, corpus, splits)
    spoiling = sum(finding.spoils for finding in found)
    console.line("check", f"{spoiling} of {len(found)} would spoil the result" if found else "nothing to warn of")
    return spoiling > 0


def _parts(corpus: Corpus, splits: Splits) -> str:
    counts = np.bincount(corpus.parts, minlength=len(Part))
    named = {"labelled": counts[Part.TRAIN], "for dev": counts[Part.DEV], "for test": counts[Part.TEST]}
    named["unlabelled"] = counts[Part.UNLABELLED]
    listed = " · ".join(f"{count:,} {name}" for name, count in named.items() if count)
    return f"{listed} · {len(splits.pretrain):,} to pre-train on · {len(np.unique(corpus.copies)):,} different ones"


def _words(corpus: Corpus) -> str:
    sizes = lengths(corpus)
    low, middle, high = (f"{size:,.0f}" for size in np.quantile(sizes, (0.05, 0.5, 0.95)))
    return f"{middle} a text (median), 90 of 100 have {low} to {high}, the longest {sizes.max():,}"


def _examples(corpus: Corpus, examples: Examples) -> str:
    """Each label with its count, and how much is said twice."""
    counts = np.bincount(examples.labels, minlength=len(corpus.label_names))
    order = np.argsort(-counts, kind="stable")[:MOST]
    labels = ", ".join(f"{shortened(corpus.label_names[label], LONGEST_NAME)} {counts[label]:,}" for label in order)
    more = f" and {len(counts) - MOST:,} more" if len(counts) > MOST else ""
    return f"{len(examples.documents):,}: {labels}{more} · {_repeated(corpus, examples.documents)}"


def _repeated(corpus: Corpus, documents: NDArray[np.int64]) -> str:
    copies = len(documents) - len(np.unique(corpus.copies[documents]))
    return f"{copies:,} copies, {near_copies_within(corpus, documents):,} near-copies of others"


def _coverage(settings: Config, cache: Cache, texts: Selection, console: Console) -> Iterator[Finding]:
    """Of the tables that are read: the others are trained on these texts."""
    for name, table in settings.tables.items():
        if isinstance(table, GloveVectors | Word2vecVectors | SpacyVectors):
            vectors = load_vectors(table, cache, training_texts(texts), partial(console.line, name))
            coverage = look_up(texts.corpus, vectors).coverage(texts)
            console.line(name, f"{table.name} · covers {coverage:.1%} of tokens")
            if finding := low_coverage(coverage):
                yield Finding(f"{name}: {finding.text}", finding.spoils)
