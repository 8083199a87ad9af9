"""One run: texts and labels in, a measured classifier out. Joins the stations; knows neither Hydra nor MLflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from lmao.cache import open_cache
from lmao.config.run import Config
from lmao.config.textcat import AutoTextcat, CnnTextcat, LinearTextcat
from lmao.console import Console, words_counted
from lmao.corpus.selection import Selection
from lmao.data.document import Source
from lmao.engine.device import CPU, open_device
from lmao.engine.team import Team
from lmao.explain import explain
from lmao.pictures import attempt
from lmao.run.arms.auto import train_auto
from lmao.run.arms.cnn import train_cnn
from lmao.run.arms.linear import train_linear
from lmao.run.arms.trained import Trained
from lmao.run.code import commit, sources_digest
from lmao.run.context import Context
from lmao.run.folder import ARTIFACTS, claimed, clear, seal
from lmao.run.inputs import check_inputs
from lmao.run.plots import confusion_matrix
from lmao.run.result import Result, summary, write_result
from lmao.run.review import DOUBTFUL, ERRORS, Review, write_review
from lmao.run.scale import closed, decided, scaled, used
from lmao.run.spacy_train import save_examples
from lmao.run.stages.encode import Dataset, encode_texts, threads_of
from lmao.run.stages.evaluate import evaluate
from lmao.run.unfinished import Parts
from lmao.stop import StopSignal
from lmao.tracking.kept import outliving
from lmao.tracking.store import TrackingStore, tracked_run
from lmao.tracking.tracker import copy_files
from lmao.tracking.trial import RunTrial
from lmao.trained.saved import save


def run(
    settings: Config, folder: Path, console: Console, stop: StopSignal, trial: RunTrial, store: TrackingStore
) -> Result:
    """The whole run; its files are in `folder` when it returns, what it tells on its way goes to `store`.

    Raises:
        UserError: something about the input or the settings.
        Stopped: a signal came; what was finished is in the cache.
        Pruned, AlreadyRun: the trial's study has no use for the rest.
    """
    began = perf_counter()
    with (
        claimed(folder),
        training(settings, folder, console, stop, trial, store) as (context, source, data, trained),
    ):
        if (folder / "config.cfg").exists():
            save_examples(context, source, data)
        result = evaluate(context, data, trained, _keep(context, trained))
        write_result(context.folder / "result.json", result)
        review = _reviewed(context, source, data, trained) if trial.number is None else None
        _report(context, result, review, store.command)
        trial.end(perf_counter() - began, result.textcat.epochs)
    return result


@contextmanager
def training(
    settings: Config, folder: Path, console: Console, stop: StopSignal, trial: RunTrial, store: TrackingStore,
    source: Source | None = None,
) -> Iterator[tuple[Context, Source, Dataset, Trained]]:  # fmt: skip
    """All of a run but the judgement of what was trained, for which the `with` block is.

    source: of the texts; None for the one that the settings name.
    """
    with opened(settings, folder, console, stop, trial, store, source) as (context, found, data):
        match settings.textcat:
            case AutoTextcat():
                trained = train_auto(context, found, data)
            case CnnTextcat():
                trained = train_cnn(context, found, data)
            case LinearTextcat():
                trained = train_linear(context, found, data)
        yield context, found, data, trained


@contextmanager
def opened(
    settings: Config, folder: Path, console: Console, stop: StopSignal, trial: RunTrial, store: TrackingStore,
    source: Source | None = None,
) -> Iterator[tuple[Context, Source, Dataset]]:  # fmt: skip
    """What a run begins with: its texts, once all that it names is known to be there, and its tracker told of it. Only
    then is the folder cleared of an earlier run."""
    cache = open_cache(settings.cache_dir, console.warn)
    source = check_inputs(settings, cache, source)
    epochs = settings.pretrain.epochs if settings.pretrains else 0
    length = "auto" if epochs is None else epochs
    name = f"{settings.data.name} {settings.textcat.name} pretrain={length} seed={settings.seed}"
    if trial.number is not None:
        name = f"trial {trial.number}"
    device = open_device(settings.device)
    workers = threads_of(settings) if device is CPU else 1  # a GPU computes a batch whole
    with (
        tracked_run(outliving(store, folder, console.warn), name, trial) as tracker,
        Team(workers, device) as team,
        Parts(cache, stop).kept() as parts,
    ):
        context = Context(settings, folder, console, stop, cache, tracker, team, trial, parts)
        version = commit()
        trial.begin(folder, tracker.run_id, version)
        tracker.parameters(closed(settings))
        tracker.tags(
            {
                "data": settings.data.name,
                "textcat": settings.textcat.name,
                "pretrain_epochs": str(length),
                "git_commit": version,
                "folder": str(folder.absolute()),  # where model/ is
                "sources": sources_digest(),
            }
        )
        data = encode_texts(context, source)
        clear(folder)
        yield _scaled(context, data.texts), source, data


def _scaled(context: Context, texts: Selection) -> Context:
    """With the settings that were left to the corpus, and the tracker and the user told of them."""
    settings = scaled(context.settings, len(texts.documents), texts.words)
    values = decided(context.settings, settings)
    context.tracker.parameters(values)
    if "pretrain.epochs" in values and settings.pretrains:
        context.tracker.tags({"pretrain_epochs": str(settings.pretrain.epochs)})
    relevant = used(settings, values)
    if relevant:
        listed = " · ".join(f"{name} {value}" for name, value in relevant.items())
        context.console.line("scale", f"{listed} · by {words_counted(texts.words)} to learn from")
    return replace(context, settings=settings, scaled=relevant)


def _keep(context: Context, trained: Trained) -> float | None:
    """What was chosen, if models are kept: its size in MB."""
    if context.settings.tracking.keep_models == "none":
        return None
    with context.timed("export"):
        return save(context.folder, trained.chosen)


def _reviewed(context: Context, source: Source, data: Dataset, trained: Trained) -> Review | None:
    """Not in a sweep, which would read all texts again for each trial."""
    try:
        return write_review(context.folder, source, data, trained.held_out)
    except Exception as error:  # the result is there, and is worth more
        context.console.warn(f"{ERRORS} and {DOUBTFUL} are not all written: {explain(error) or repr(error)}")
        return None


def _report(context: Context, result: Result, review: Review | None, command: str | None) -> None:
    """To the run's folder, the tracker and the screen."""
    attempt(
        lambda: confusion_matrix(context.folder / "confusion.png", result.dev.confusion, result.labels),
        "confusion.png",
        context.console.warn,
    )
    seal(context.folder)
    found = [context.folder / name for name in ARTIFACTS if (context.folder / name).exists()]
    copy_files(context.tracker, found, context.console.warn)
    context.tracker.metric("dev/best_accuracy", result.dev_accuracy)
    for part, score in (("dev", result.dev), ("test", result.test)):
        if score is not None:
            context.tracker.metric(f"{part}/macro_f", score.macro_f)
            context.tracker.metric(f"{part}/log_loss", score.log_loss)
            context.tracker.metric(f"{part}/calibration_error", score.calibration_error)
    if result.choice is not None and result.choice.control is not None:
        assert result.choice.control.dev_accuracy is not None
        context.tracker.metric("dev/without_pretraining", result.choice.control.dev_accuracy)
    if result.test is not None:
        context.tracker.metric("test/accuracy", result.test.accuracy)
    context.console.summary(summary(result, context.folder, review, command))
