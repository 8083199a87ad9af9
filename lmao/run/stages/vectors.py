"""The lines `vectors` and `target`: a table's settings come in, the table and the types' rows go out."""

import numpy as np
from numpy.typing import NDArray

from lmao.config.vectors import AnyTable, DocumentVectors
from lmao.corpus.corpus import Corpus
from lmao.data.splits import Splits
from lmao.run.context import Context
from lmao.streams import digest
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.loading import load_vectors
from lmao.vectors.lookup import TypeVectors, look_up
from lmao.vectors.table import StaticVectors

LOW_COVERAGE = 0.5


def static_vectors(
    context: Context, name: str, table: AnyTable, corpus: Corpus, splits: Splits, counts: NDArray[np.int64]
) -> tuple[StaticVectors | None, TypeVectors]:
    documents = splits.pretrain
    record = {"corpus": corpus.digest, "documents": digest(documents)}
    texts = TrainingTexts(record, corpus.words, lambda: (corpus.word_ids(int(number)) for number in documents))
    total = corpus.count(documents) * table.epochs if isinstance(table, DocumentVectors) else None
    with context.timed("vectors"), context.console.stage(name, total) as stage:
        vectors = load_vectors(
            table, context.cache, texts, lambda text: context.console.line(name, text), stage.advance
        )
        found = look_up(corpus, vectors)
        if vectors is None:
            return None, found
        coverage = found.coverage(corpus, counts)
        stage.done(
            f"{vectors.name} {vectors.dims}-d · {vectors.size:,} rows · covers {coverage:.1%} of tokens"
            + " · cached" * vectors.cached
        )
    if coverage < LOW_COVERAGE:
        context.console.warn(f"{name}: only {coverage:.0%} of the tokens have a vector: is this the right table?")
    context.tracker.metric(f"{name}/coverage", coverage)
    context.digests[name] = vectors.digest
    context.tracker.dataset(vectors.name, vectors.digest, vectors.name, name)
    return vectors, found
