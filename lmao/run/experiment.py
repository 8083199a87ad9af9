"""One run: texts and labels in, a measured classifier out. Joins the stations; knows neither Hydra nor MLflow."""

from pathlib import Path
from time import perf_counter

from lmao.cache import open_cache
from lmao.config.run import Config
from lmao.config.textcat import LinearTextcat
from lmao.config.tracking import MlflowTracking
from lmao.console import Console
from lmao.engine.device import CPU, open_device
from lmao.engine.team import Team
from lmao.run.arms import train_cnn, train_linear
from lmao.run.context import Context
from lmao.run.folder import ARTIFACTS, clear
from lmao.run.inputs import check_inputs
from lmao.run.plots import confusion_matrix
from lmao.run.result import Result, code_version, summary, write_result
from lmao.run.stages.encode import encode_texts, threads_of
from lmao.run.stages.evaluate import evaluate
from lmao.stop import StopSignal
from lmao.tracking.mlflow import open_tracker
from lmao.tracking.tracker import copy_files
from lmao.tracking.trial import Trial


def run(settings: Config, folder: Path, console: Console, stop: StopSignal, trial: Trial) -> Result:
    """The whole run; its files are in `folder` when it returns.

    Raises:
        UserError: something about the input or the settings.
        Stopped: a signal came; what was finished is in the cache.
        Pruned, AlreadyRun: the trial's study has no use for the rest.
    """
    began = perf_counter()
    clear(folder)
    cache = open_cache(settings.cache_dir, console.warn)
    source = check_inputs(settings, cache)
    epochs = settings.pretrain.epochs if settings.textcat.name == "cnn" else 0
    name = f"{settings.data.name} {settings.textcat.name} pretrain={epochs} seed={settings.seed}"
    if trial.number is not None:
        name = f"trial {trial.number}"
    device = open_device(settings.device)
    workers = threads_of(settings) if device is CPU else 1  # a GPU computes a batch whole
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
        corpus, splits = encode_texts(context, source)
        train = train_linear if isinstance(settings.textcat, LinearTextcat) else train_cnn
        result = evaluate(context, corpus, splits, train(context, source, corpus, splits))
        _report(context, result)
        trial.finished(perf_counter() - began, result.textcat.epochs)
    return result


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
    uri = tracking.uri if isinstance(tracking, MlflowTracking) else None
    context.console.summary(summary(result, context.folder, uri))
