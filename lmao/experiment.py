"""One run: texts and labels come in, a measured classifier goes out. Joins the stations; knows neither Hydra nor MLflow."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao import checkpoint, config, textcat
from lmao.cache import Cache, key_of
from lmao.checkpoint import Checkpoints
from lmao.config import Config
from lmao.console import Console
from lmao.data import Examples, Part, Source, Splits, open_source, split
from lmao.encoder import Encoder, TypeTable
from lmao.evaluate import score, write_predictions
from lmao.export import build_pipeline, save_pipeline, save_tok2vec
from lmao.features import Corpus, encode, hash_rows
from lmao.linear import NgramClassifier
from lmao.lookup import TypeVectors, look_up
from lmao.parameters import Floats, Parameters
from lmao.plots import confusion_matrix, learning_curves
from lmao.pretrain import Pretraining, Targets
from lmao.result import PretrainSummary, Result, TextcatSummary, peak_rss_mb, summary, versions, write_result
from lmao.stop import StopSignal
from lmao.streams import stream
from lmao.team import Team, available_threads
from lmao.textcat import Classifier, FineTuning, initial_weights
from lmao.tracking import Tracker, open_tracker
from lmao.vectors import StaticVectors, TrainingTexts, load_vectors

LOW_COVERAGE = 0.5
VERSION = 1  # of what pre-training computes: raise it when the same settings give other weights


def run(settings: Config, folder: Path, console: Console, stop: StopSignal) -> Result:
    """The whole run; its files are in `folder` when it returns.

    Raises:
        UserError: something about the input or the settings.
        Stopped: a signal came; what was finished is in the cache.
    """
    cache = Cache(Path(settings.cache_dir).expanduser(), console.warn)
    source = open_source(settings.data, cache.root)
    name = f"{settings.data.name} pretrain={settings.pretrain.epochs} seed={settings.seed}"
    with open_tracker(settings.tracking, name) as tracker, Team(settings.threads or available_threads()) as team:
        experiment = _Experiment(settings, folder, console, stop, cache, tracker, team)
        return experiment.run(source)


class _Experiment:
    """What the stations share."""

    def __init__(
        self, settings: Config, folder: Path, console: Console, stop: StopSignal, cache: Cache, tracker: Tracker, team: Team
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.console = console
        self.stop = stop
        self.cache = cache
        self.tracker = tracker
        self.team = team
        self.seconds: dict[str, float] = {}
        ignored = {"tracking", "cache_dir", "threads"}
        self.digests: dict[str, str] = {"config": key_of(settings.model_dump(exclude=ignored))}
        self.pretrain_epochs: list[checkpoint.Epoch] = []
        self.textcat_epochs: list[textcat.Epoch] = []

    def run(self, source: Source) -> Result:
        settings = self.settings
        self.tracker.parameters(settings.model_dump())
        self.tracker.tags(
            {
                "data": settings.data.name,
                "pretrain_epochs": str(settings.pretrain.epochs),
                "git_commit": _git_commit(),
            }
        )
        corpus, splits = self._texts(source)
        if isinstance(settings.textcat, config.LinearTextcat):
            result = self._linear(settings.textcat, corpus, splits)
        else:
            result = self._cnn(settings.textcat, corpus, splits)
        write_result(self.folder / "result.json", result)
        confusion_matrix(self.folder / "confusion.png", result.dev.confusion, corpus.label_names)
        for path in ("result.json", "confusion.png", "curves.png", ".hydra/config.yaml"):
            if (self.folder / path).exists():
                self.tracker.artifact(self.folder / path)
        self.tracker.metric("dev/best_accuracy", result.dev_accuracy)
        self.tracker.metric("dev/macro_f", result.dev.macro_f)
        if result.test is not None:
            self.tracker.metric("test/accuracy", result.test.accuracy)
        uri = settings.tracking.uri if isinstance(settings.tracking, config.MlflowTracking) else None
        self.console.summary(summary(result, self.folder, result.model_mb is None, uri))
        return result

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began

    def _texts(self, source: Source) -> tuple[Corpus, Splits]:
        settings = self.settings
        with self._timed("encode"), self.console.stage("encode") as stage:
            corpus, cached = encode(source, settings.data.language, self.cache, self.team.threads, stage.advance)
            stage.done(
                f"{len(corpus.offsets) - 1:,} texts · {len(corpus.tokens) / 1e6:.2f} M words · {len(corpus.types):,} types"
                + " · cached" * cached
            )
        labels = corpus.labels
        if settings.evaluate_test:
            labels = np.where(corpus.parts == Part.TEST, corpus.test_labels(), labels)
        splits = split(
            settings.data, corpus.parts, labels, corpus.label_names, stream(settings.seed, "subset"), settings.evaluate_test
        )
        self.console.line(
            "data",
            f"{source.name} · {len(corpus.label_names)} labels · {len(splits.train.labels):,} train · "
            f"{len(splits.dev.labels):,} dev · {len(splits.pretrain):,} texts to pre-train on",
        )
        self.digests["data"] = key_of(
            {
                "corpus": corpus.digest,
                "pretrain": _digest(splits.pretrain),
                "train": _digest(splits.train.documents),
                "dev": _digest(splits.dev.documents),
            }
        )
        self.tracker.dataset(source.name, self.digests["data"], settings.data.name, "training")
        return corpus, splits

    def _linear(self, textcat_settings: config.LinearTextcat, corpus: Corpus, splits: Splits) -> Result:
        classifier = NgramClassifier(
            textcat_settings.ngrams, textcat_settings.min_count, textcat_settings.smoothing, textcat_settings.C
        )

        def read(examples: Examples) -> list[NDArray[np.int32]]:
            return [corpus.word_ids(int(number)) for number in examples.documents]

        with self._timed("textcat"), self.console.stage("textcat") as stage:
            classifier.fit(read(splits.train), splits.train.labels, len(corpus.label_names))
            stage.done(f"linear · {classifier.features:,} n-grams")
        with self._timed("evaluate"):
            dev = classifier.predict(read(splits.dev))
            test = None if splits.test is None else classifier.predict(read(splits.test))
        return self._result(splits, dev, test, None, TextcatSummary(0, 0, self.seconds["textcat"]), classifier.features, None)

    def _cnn(self, textcat_settings: config.CnnTextcat, corpus: Corpus, splits: Splits) -> Result:
        settings = self.settings
        counts = corpus.type_counts(splits.pretrain)
        vectors, inputs = self._vectors("vectors", settings.vectors, corpus, splits, counts)
        encoder = Encoder(settings.encoder, inputs.vectors.shape[1])
        types = TypeTable(hash_rows(corpus.types, settings.encoder.embed_rows), inputs.rows, inputs.vectors)
        pretrained, pretrain_summary = None, None
        if settings.pretrain.epochs:
            pretrained, pretrain_summary = self._pretrain(corpus, splits, counts, vectors, inputs, encoder, types)

        classifier = Classifier(encoder, types, corpus, len(corpus.label_names))
        weights, arrays, numbers = initial_weights(classifier, pretrained, settings.seed)
        if arrays:
            self.console.line("textcat", f"loaded {arrays} pre-trained arrays ({numbers:,} weights)")
        tuning = FineTuning(
            textcat_settings, settings.optimizer, classifier, weights, corpus, splits.train, splits.dev, settings.seed
        )
        with self._timed("textcat"):
            self._fine_tune(tuning, len(splits.train.labels))
        learning_curves(
            self.folder / "curves.png", [asdict(e) for e in self.pretrain_epochs], [asdict(e) for e in self.textcat_epochs]
        )
        with self._timed("evaluate"), self.console.stage("evaluate", total=_words(corpus, splits.dev)) as stage:
            dev = classifier.predict(tuning.best, splits.dev.documents, self.team, stage.advance)
            test = None if splits.test is None else classifier.predict(tuning.best, splits.test.documents, self.team)
            stage.done(f"epoch {tuning.best_epoch} on all {len(splits.dev.labels):,} dev examples")
        with self._timed("export"):
            nlp = build_pipeline(settings.data.language, corpus.label_names, settings.encoder, vectors, tuning.best)
            save_pipeline(nlp, self.folder / "model")
            if pretrained is not None:
                save_tok2vec(nlp, settings.encoder, pretrained, self.folder)
        size = sum(path.stat().st_size for path in (self.folder / "model").rglob("*") if path.is_file()) / 1e6
        fine_tuned = TextcatSummary(len(self.textcat_epochs), tuning.best_epoch, self.seconds["textcat"])
        return self._result(splits, dev, test, pretrain_summary, fine_tuned, weights.flat.size, size)

    def _vectors(
        self, name: str, table: config.AnyTable, corpus: Corpus, splits: Splits, counts: NDArray[np.int64]
    ) -> tuple[StaticVectors | None, TypeVectors]:
        texts = TrainingTexts(
            {"corpus": corpus.digest, "documents": _digest(splits.pretrain)}, lambda: corpus.lines(splits.pretrain)
        )
        with self._timed("vectors"), self.console.stage(name) as stage:
            vectors = load_vectors(table, self.cache, texts)
            found = look_up(corpus, vectors)
            if vectors is None:
                return None, found
            coverage = found.coverage(corpus, counts)
            stage.done(
                f"{vectors.name} {vectors.dims}-d · {vectors.size:,} rows · covers {coverage:.1%} of tokens"
                + " · cached" * vectors.cached
            )
        if coverage < LOW_COVERAGE:
            self.console.warn(f"{name}: only {coverage:.0%} of the tokens have a vector: is this the right table?")
        self.tracker.metric(f"{name}/coverage", coverage)
        self.digests[name] = vectors.digest
        return vectors, found

    def _pretrain(
        self, corpus: Corpus, splits: Splits, counts: NDArray[np.int64], vectors: StaticVectors | None,
        inputs: TypeVectors, encoder: Encoder, types: TypeTable,
    ) -> tuple[Parameters, PretrainSummary]:  # fmt: skip
        settings = self.settings
        target, outputs = vectors, inputs
        if settings.target.name != "same":
            target, outputs = self._vectors("target", settings.target, corpus, splits, counts)
        assert target is not None, "checked by the config"
        targets = Targets(outputs.predictable(corpus), outputs.vectors)
        pretraining = Pretraining(
            settings.pretrain, settings.objective, encoder, corpus, types, targets, splits.pretrain, settings.seed
        )
        record = {
            "version": VERSION,
            "encoder": settings.encoder.model_dump(),
            "objective": settings.objective.model_dump(),
            "pretrain": settings.pretrain.model_dump(exclude={"epochs", "save_minutes"}),
            "seed": settings.seed,
            "corpus": corpus.digest,
            "documents": _digest(splits.pretrain),
            "vectors": vectors.digest if vectors else None,
            "target": target.digest,
        }
        checkpoints = Checkpoints(self.cache, record, pretraining.shapes)
        with self._timed("pretrain"), checkpoints.lock():
            found = checkpoints.epoch(settings.pretrain.epochs)
            if found is None:
                pretraining.resume(checkpoints, settings.pretrain.epochs)
            epochs = found[1] if found else pretraining.epochs
            cached = len(epochs)
            for epoch in epochs:
                self._pretrained(epoch)
                self.console.line("pretrain", self._describe(epoch) + " · cached")
            while found is None:
                with self.console.stage("pretrain", total=pretraining.words) as stage:
                    epoch = pretraining.run_epoch(checkpoints, self.team, self.stop, stage.advance)
                    stage.done(self._describe(epoch))
                self._pretrained(epoch)
                if epoch.epoch == settings.pretrain.epochs:
                    found = checkpoints.epoch(epoch.epoch)
        weights, epochs = found
        words, seconds = sum(e.words for e in epochs), sum(e.seconds for e in epochs)
        return weights, PretrainSummary(
            epochs=len(epochs),
            words=words,
            seconds=seconds,
            words_per_second=words / seconds,
            loss=[e.loss for e in epochs],
            heldout_cosine=[e.heldout_cosine for e in epochs],
            heldout_word_accuracy=[e.heldout_word_accuracy for e in epochs],
            cached=cached,
        )

    def _pretrained(self, epoch: checkpoint.Epoch) -> None:
        self.pretrain_epochs.append(epoch)
        for name in ("loss", "words_per_second", "heldout_cosine", "heldout_word_accuracy"):
            self.tracker.metric(f"pretrain/{name}", getattr(epoch, name), epoch.epoch)

    def _describe(self, epoch: checkpoint.Epoch) -> str:
        return (
            f"epoch {epoch.epoch}/{self.settings.pretrain.epochs} · {epoch.words / 1e6:.2f} M words · "
            f"{epoch.words_per_second:,.0f} w/s · loss {epoch.loss:.3f} · "
            f"held-out cosine {epoch.heldout_cosine:.3f}, word@1 {epoch.heldout_word_accuracy:.3f}"
        )

    def _fine_tune(self, tuning: FineTuning, examples: int) -> None:
        with self.console.stage("textcat", total=None, unit="examples") as stage:
            for epoch in tuning.run(self.team, stage.advance):
                self.textcat_epochs.append(epoch)
                self.tracker.metric("textcat/loss", epoch.loss, epoch.epoch)
                self.tracker.metric("dev/accuracy", epoch.dev_accuracy, epoch.epoch)
            last = self.textcat_epochs[-1]
            stage.done(
                f"epoch {last.epoch} · loss {last.loss:.3f} · dev {last.dev_accuracy:.3f} · "
                f"best {tuning.best_accuracy:.3f} (epoch {tuning.best_epoch})"
            )

    def _result(
        self, splits: Splits, dev: Floats, test: Floats | None, pretrain: PretrainSummary | None,
        fine_tuned: TextcatSummary, parameters: int, model_mb: float | None,
    ) -> Result:  # fmt: skip
        settings = self.settings
        judged = None if test is None or splits.test is None else (test, splits.test.labels, splits.test.documents)
        write_predictions(self.folder / "predictions.npz", (dev, splits.dev.labels, splits.dev.documents), judged)
        dev_score = score(dev, splits.dev.labels)
        return Result(
            dev_accuracy=dev_score.accuracy,
            dev=dev_score,
            test=None if judged is None else score(judged[0], judged[1]),
            pretrain=pretrain,
            textcat=fine_tuned,
            parameters=parameters,
            model_mb=model_mb,
            digests=self.digests,
            seconds=self.seconds,
            seed=settings.seed,
            versions=versions(),
            mlflow_run_id=self.tracker.run_id,
            peak_rss_mb=peak_rss_mb(),
        )


def _digest(numbers: NDArray[np.int64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(numbers).tobytes()).hexdigest()[:20]


def _words(corpus: Corpus, examples: Examples) -> float:
    return float((corpus.offsets[examples.documents + 1] - corpus.offsets[examples.documents]).sum())


def _git_commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
