"""The lines `vectors` and `target`: a table's settings come in, the table by the types of the corpus goes out."""

from lmao.config.fields import settled
from lmao.config.vectors import AnyTable, DocumentVectors
from lmao.corpus.selection import Selection
from lmao.data.findings import Finding
from lmao.run.context import Context
from lmao.run.stages.encode import threads_of
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.loading import load_vectors
from lmao.vectors.lookup import TypeVectors, look_up

LOW_COVERAGE = 0.5


def static_vectors(context: Context, name: str, table: AnyTable, texts: Selection) -> TypeVectors:
    """texts: what a table is trained on, and its coverage is told of."""
    corpus = texts.corpus
    total = texts.words * settled(table.epochs) if isinstance(table, DocumentVectors) else None
    with context.timed("vectors"), context.console.stage(name, total) as stage:
        vectors = load_vectors(
            table, context.cache, training_texts(texts), lambda text: context.console.line(name, text), stage.advance,
            threads_of(context.settings), context.stop,
        )  # fmt: skip
        found = look_up(corpus, vectors)
        if vectors is None:
            return found
        coverage = found.coverage(texts)
        stage.done(
            f"{vectors.name} {vectors.dims}-d · {vectors.size:,} rows · covers {coverage:.1%} of tokens"
            + " · cached" * vectors.cached
        )
    if finding := low_coverage(coverage):
        context.console.warn(f"{name}: {finding.text}")
    context.tracker.metric(f"{name}/coverage", coverage)
    context.tracker.dataset(vectors.name, vectors.digest, vectors.name, name)
    return found


def training_texts(texts: Selection) -> TrainingTexts:
    corpus = texts.corpus
    record = {"corpus": corpus.digest, "documents": texts.digest}
    return TrainingTexts(record, corpus.words, lambda: (corpus.word_ids(int(number)) for number in texts.documents))


def low_coverage(coverage: float) -> Finding | None:
    if coverage >= LOW_COVERAGE:
        return None
    return Finding(f"only {coverage:.0%} of the tokens have a vector: is this the right table?", spoils=True)
