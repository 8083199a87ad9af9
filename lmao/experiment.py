"""One run: texts and labels in, a measured classifier out. Joins the stations; knows neither Hydra nor MLflow."""

import shutil
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lmao import config
from lmao.arms import Trained, train_cnn, train_linear
from lmao.cache import Cache, key_of, open_cache
from lmao.config import Config
from lmao.console import Console
from lmao.context import Context
from lmao.corpus import Corpus
from lmao.data import Examples, Part, Source, Splits, open_source, split
from lmao.device import CPU, open_device
from lmao.errors import UserError
from lmao.evaluate import score, write_predictions
from lmao.features import encode
from lmao.heads import check_heads
from lmao.parameters import Floats
from lmao.plots import confusion_matrix
from lmao.result import Result, code_version, peak_rss_mb, summary, versions, write_result
from lmao.stop import StopSignal
from lmao.streams import digest, stream
from lmao.team import Team, available_threads
from lmao.tokens import check_language
from lmao.tracking import copy_files, open_tracker
from lmao.trial import Trial
from lmao.vectors import check_vectors, of_target

RESULTS = (
    "result.json", "predictions.npz", "probe_predictions.npz", "tok2vec.bin", "config.cfg", "curves.png",
    "confusion.png",
)  # fmt: skip
MODELS = ("model", "language_model")  # folders
MARK = ".lmao"  # in a folder that is a run's
ARTIFACTS = ("result.json", "predictions.npz", "confusion.png", "curves.png", ".hydra/config.yaml")


def check_inputs(settings: Config, cache: Cache) -> Source:
    """The source of the texts, after a look at all that the settings name.

    Raises:
        UserError: something isn't there, or not what it should be.
    """
    open_device(settings.device)
    source = open_source(settings.data, cache.root)
    check_language(settings.data.language)
    for name, table in settings.tables.items():
        with of_target() if name == "vectors.target" else nullcontext():
            check_vectors(table)
    if settings.pretrains:
        for part, _ in settings.parts.values():
            if isinstance(part, config.HeadObjective):
                check_heads(settings.data, part.parser)
    return source


def run(settings: Config, folder: Path, console: Console, stop: StopSignal, trial: Trial) -> Result:
    """The whole run; its files are in `folder` when it returns.

    Raises:
        UserError: something about the input or the settings.
        Stopped: a signal came; what was finished is in the cache.
        Pruned, AlreadyRun: the trial's study has no use for the rest.
    """
    began = perf_counter()
    _clear(folder)
    cache = open_cache(settings.cache_dir, console.warn)
    source = check_inputs(settings, cache)
    epochs = settings.pretrain.epochs if settings.textcat.name == "cnn" else 0
    name = f"{settings.data.name} {settings.textcat.name} pretrain={epochs} seed={settings.seed}"
    if trial.number is not None:
        name = f"trial {trial.number}"
    device = open_device(settings.device)
    workers = _threads(settings) if device is CPU else 1  # a GPU computes a batch whole
    with open_tracker(settings.tracking, name, trial) as tracker, Team(workers, device) as team:
        context = Context(settings, folder, console, stop, cache, tracker, team, trial)
        trial.started(folder, tracker.run_id)
        tracker.parameters(settings.keys())
        tracker.tags(
            {
                "data": settings.data.name,
                "textcat": settings.textcat.name,
                "pretrain_epochs": str(epochs),
                "git_commit": code_version(),
            }
        )
        corpus, splits = _texts(context, source)
        train = train_linear if isinstance(settings.textcat, config.LinearTextcat) else train_cnn
        result = _judge(context, corpus, splits, train(context, source, corpus, splits))
        _report(context, result)
        trial.finished(perf_counter() - began, result.textcat.epochs)
    return result


def _threads(settings: Config) -> int:
    return settings.threads or available_threads()


def _clear(folder: Path) -> None:
    """Remove what an earlier run in the same folder left: nothing of it may pass for this one's.

    Raises:
        UserError: the folder holds such names, but no run has left them.
    """
    found = [name for name in (*RESULTS, *MODELS) if (folder / name).exists()]
    if found and not (folder / MARK).exists():
        raise UserError(f"hydra.run.dir: {folder} holds {', '.join(found)}, not of a run: choose another folder")
    for name in found:
        if name in MODELS:
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink()
    (folder / MARK).touch()


def _texts(context: Context, source: Source) -> tuple[Corpus, Splits]:
    settings = context.settings
    with context.timed("encode"), context.console.stage("encode") as stage:
        corpus, cached = encode(source, settings.data.language, context.cache, _threads(settings), stage.advance)
        stage.done(
            f"{len(corpus.offsets) - 1:,} texts · {len(corpus.tokens) / 1e6:.2f} M words · "
            f"{len(corpus.types):,} types" + " · cached" * cached
        )
    labels = corpus.labels
    if settings.evaluate_test:
        labels = np.where(corpus.parts == Part.TEST, corpus.test_labels(), labels)
    subset = stream(settings.seed, "subset")
    splits = split(settings.data, corpus.parts, labels, corpus.label_names, subset, settings.evaluate_test)
    pretrains = settings.textcat.name == "cnn" and settings.pretrain.epochs
    context.console.line(
        "data",
        f"{source.name} · {len(corpus.label_names)} labels · {len(splits.train.labels):,} train · "
        f"{len(splits.dev.labels):,} dev" + (f" · {len(splits.pretrain):,} texts to pre-train on" if pretrains else ""),
    )
    context.digests["data"] = key_of(
        {
            "corpus": corpus.digest,
            "pretrain": digest(splits.pretrain),
            "train": digest(splits.train.documents),
            "dev": digest(splits.dev.documents),
        }
    )
    context.tracker.dataset(source.name, context.digests["data"], source.name, "training")
    return corpus, splits


def _judge(context: Context, corpus: Corpus, splits: Splits, trained: Trained) -> Result:
    with (
        context.timed("evaluate"),
        context.console.stage("evaluate", total=corpus.count(splits.dev.documents)) as stage,
    ):
        dev = trained.predict(splits.dev.documents, stage.advance)
        stage.done(f"all {len(splits.dev.labels):,} dev examples")
    test = None
    if splits.test is not None:
        with context.timed("evaluate"), context.console.stage("test", corpus.count(splits.test.documents)) as stage:
            test = trained.predict(splits.test.documents, stage.advance)
            stage.done(f"all {len(splits.test.labels):,} test examples")
    judged = None if test is None or splits.test is None else _predictions(test, splits.test)
    write_predictions(context.folder / "predictions.npz", _predictions(dev, splits.dev), judged)
    dev_score = score(dev, splits.dev.labels)
    return Result(
        dev_accuracy=dev_score.accuracy,
        labels=corpus.label_names,
        dev=dev_score,
        test=None if judged is None else score(*judged[:2]),
        pretrain=trained.pretrain,
        textcat=trained.textcat,
        parameters=trained.parameters,
        model_mb=trained.model_mb,
        digests=context.digests,
        seconds=context.seconds,
        seed=context.settings.seed,
        threads=context.team.threads,
        blas=context.team.device.blas(),
        versions=versions(),
        mlflow_run_id=context.tracker.run_id,
        peak_rss_mb=peak_rss_mb(),
    )


def _predictions(scores: Floats, examples: Examples) -> tuple[Floats, NDArray[np.int32], NDArray[np.int64]]:
    return scores, examples.labels, examples.documents


def _report(context: Context, result: Result) -> None:
    """To the run's folder, the tracker and the screen."""
    tracking = context.settings.tracking
    write_result(context.folder / "result.json", result)
    confusion_matrix(context.folder / "confusion.png", result.dev.confusion, result.labels)
    found = [context.folder / name for name in ARTIFACTS if (context.folder / name).exists()]
    copy_files(context.tracker, found, context.console.warn)
    context.tracker.metric("dev/best_accuracy", result.dev_accuracy)
    context.tracker.metric("dev/macro_f", result.dev.macro_f)
    if result.test is not None:
        context.tracker.metric("test/accuracy", result.test.accuracy)
    uri = tracking.uri if isinstance(tracking, config.MlflowTracking) else None
    context.console.summary(summary(result, context.folder, uri))
