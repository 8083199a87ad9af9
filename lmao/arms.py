"""What is compared: the encoder, pre-trained or not, with a classifier on top; and the linear baseline."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from lmao import config
from lmao.context import Context
from lmao.corpus import Corpus, hash_rows
from lmao.data import Splits
from lmao.encoder import Encoder, TypeTable
from lmao.export import build_pipeline, save_pipeline, save_tok2vec
from lmao.linear import NgramClassifier
from lmao.lookup import TypeVectors, look_up
from lmao.parameters import Floats, Parameters
from lmao.plots import learning_curves
from lmao.pretrain_stage import pretrained_weights
from lmao.result import PretrainSummary, TextcatSummary, code_version
from lmao.streams import digest
from lmao.textcat import Classifier, Epoch, FineTuning, initial_weights
from lmao.vectors import StaticVectors, TrainingTexts, load_vectors, of_target

LOW_COVERAGE = 0.5

Predict = Callable[[NDArray[np.int64], Callable[[float], None]], Floats]


@dataclass(frozen=True)
class Trained:
    """predict(documents (n,), advance) gives probabilities (n, classes); advance is told of the words done."""

    predict: Predict
    pretrain: PretrainSummary | None
    textcat: TextcatSummary
    parameters: int
    model_mb: float | None


def train_linear(context: Context, corpus: Corpus, splits: Splits) -> Trained:
    settings = context.settings.textcat
    assert isinstance(settings, config.LinearTextcat)
    context.trial.known(context.digests, code_version())
    classifier = NgramClassifier(settings.ngrams, settings.min_count, settings.smoothing, settings.C)

    def read(documents: NDArray[np.int64]) -> list[NDArray[np.int32]]:
        return [corpus.word_ids(int(number)) for number in documents]

    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return classifier.predict(read(documents))

    with context.timed("textcat"), context.console.stage("textcat") as stage:
        classifier.fit(read(splits.train.documents), splits.train.labels, len(corpus.label_names))
        stage.done(f"linear · {classifier.features:,} n-grams")
    summary = TextcatSummary(epochs=0, best_epoch=0, seconds=context.seconds["textcat"], records=[])
    return Trained(predict, None, summary, classifier.features, None)


def train_cnn(context: Context, corpus: Corpus, splits: Splits) -> Trained:
    settings = context.settings
    counts = corpus.type_counts(splits.pretrain)
    vectors, inputs = _vectors(context, "vectors", settings.vectors, corpus, splits, counts)
    device = context.team.device
    encoder = Encoder(settings.encoder, inputs.vectors.shape[1], device)
    hashed = hash_rows(corpus.types, settings.encoder.embed_rows)
    types = TypeTable(hashed, inputs.rows, device.to_device(inputs.vectors))
    pretrained, pretrain_summary, outputs = None, None, inputs
    if settings.pretrain.epochs:
        if settings.target.name != "same":
            with of_target():
                _, outputs = _vectors(context, "target", settings.target, corpus, splits, counts)
        else:
            context.digests["target"] = context.digests["vectors"]
    context.trial.known(context.digests, code_version())
    if settings.pretrain.epochs:
        pretrained, pretrain_summary = pretrained_weights(context, encoder, corpus, types, outputs, splits.pretrain)

    classifier = Classifier(encoder, types, corpus, len(corpus.label_names))
    tuning, summary = _fine_tune(context, classifier, pretrained, corpus, splits)
    epochs = [] if pretrain_summary is None else pretrain_summary.records
    learning_curves(context.folder / "curves.png", epochs, summary.records)
    size = None
    if settings.tracking.keep_models != "none":
        with context.timed("export"):
            best = tuning.best.like(device.to_host(tuning.best.flat))
            nlp = build_pipeline(settings.data.language, corpus.label_names, settings.encoder, vectors, best)
            save_pipeline(nlp, context.folder / "model")
            if pretrained is not None:
                save_tok2vec(nlp, settings.encoder, pretrained, context.folder)
        size = sum(path.stat().st_size for path in (context.folder / "model").rglob("*") if path.is_file()) / 1e6

    def predict(documents: NDArray[np.int64], advance: Callable[[float], None]) -> Floats:
        return classifier.predict(tuning.best, documents, context.team, advance)

    return Trained(predict, pretrain_summary, summary, tuning.best.flat.size, size)


def _vectors(
    context: Context, name: str, table: config.AnyTable, corpus: Corpus, splits: Splits, counts: NDArray[np.int64]
) -> tuple[StaticVectors | None, TypeVectors]:
    documents = splits.pretrain
    texts = TrainingTexts({"corpus": corpus.digest, "documents": digest(documents)}, lambda: corpus.lines(documents))
    with context.timed("vectors"), context.console.stage(name) as stage:
        vectors = load_vectors(table, context.cache, texts, lambda text: context.console.line(name, text))
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


def _fine_tune(
    context: Context, classifier: Classifier, pretrained: Parameters | None, corpus: Corpus, splits: Splits
) -> tuple[FineTuning, TextcatSummary]:
    settings = context.settings
    assert isinstance(settings.textcat, config.CnnTextcat)
    weights, arrays, numbers = initial_weights(classifier, pretrained, settings.seed)
    if arrays:
        context.console.line("textcat", f"loaded {arrays} pre-trained arrays ({numbers:,} weights)")
    tuning = FineTuning(
        settings.textcat, settings.optimizer, classifier, weights, corpus, splits.train, splits.dev, settings.seed
    )
    epochs: list[Epoch] = []
    most = settings.textcat.epochs * len(splits.train.labels)  # it may stop earlier
    with context.timed("textcat"), context.console.stage("textcat", most, "examples") as stage:
        for epoch in tuning.run(context.team, stage.advance):
            epochs.append(epoch)
            context.tracker.metric("textcat/loss", epoch.loss, epoch.epoch)
            context.tracker.metric("dev/accuracy", epoch.dev_accuracy, epoch.epoch)
            context.trial.report(epoch.epoch, epoch.dev_accuracy)
        stage.done(
            f"{len(epochs)} epoch{'s' * (len(epochs) > 1)} · loss {epochs[-1].loss:.3f} · "
            f"dev {epochs[-1].dev_accuracy:.3f} · best {tuning.best_accuracy:.3f} (epoch {tuning.best_epoch})"
        )
    return tuning, TextcatSummary(
        epochs=len(epochs),
        best_epoch=tuning.best_epoch,
        seconds=context.seconds["textcat"],
        records=[asdict(epoch) for epoch in epochs],
    )
