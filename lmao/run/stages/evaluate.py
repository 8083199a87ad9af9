"""The lines `evaluate` and `test`: a trained classifier comes in, its result goes out."""

import numpy as np
from numpy.typing import NDArray

from lmao.data.splits import Examples
from lmao.engine.parameters import Floats
from lmao.run.arms import Trained
from lmao.run.context import Context
from lmao.run.result import Result, peak_rss_mb, versions
from lmao.run.scores import score, write_predictions
from lmao.run.stages.encode import Dataset


def evaluate(context: Context, data: Dataset, trained: Trained) -> Result:
    corpus, splits = data.texts.corpus, data.splits
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
        digests=trained.digests,
        scaled=context.scaled,
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
