"""The lines `evaluate` and `test`: a trained classifier comes in, its result goes out."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.data.splits import Examples
from lmao.engine.parameters import Floats
from lmao.run.arms.trained import Trained
from lmao.run.card import describe_model
from lmao.run.context import Context
from lmao.run.result import ChoiceSummary, Result, circumstances
from lmao.run.scores import Score, score, write_predictions
from lmao.run.stages.encode import Dataset
from lmao.textcat.classifier import accuracy

CONTROL = "control"


def evaluate(context: Context, data: Dataset, trained: Trained, classifier_mb: float | None) -> Result:
    """classifier_mb: the size of what was saved of it, if it was."""
    corpus, splits = data.texts.corpus, data.splits
    with (
        context.timed("evaluate"),
        context.console.stage("evaluate", total=corpus.count(splits.dev.documents)) as stage,
    ):
        dev, of_dev = _predict(trained, splits.dev, stage.advance)
        stage.done(f"all {len(splits.dev.labels):,} dev examples")
    test = None
    of_test: Mapping[str, Floats] = {}
    if splits.test is not None:
        with context.timed("evaluate"), context.console.stage("test", corpus.count(splits.test.documents)) as stage:
            test, of_test = _predict(trained, splits.test, stage.advance)
            stage.done(f"all {len(splits.test.labels):,} test examples")
    judged = None if test is None or splits.test is None else _predictions(test, splits.test)
    write_predictions(context.folder / "predictions.npz", _predictions(dev, splits.dev), judged)
    dev_score = score(dev, splits.dev.labels)
    choice, of_model = None, dev
    if trained.choice is not None:
        choice = _measured(trained.choice.summary, _scores(of_dev, splits.dev), _scores(of_test, splits.test))
        of_model = of_dev.get(choice.model, dev)
    if trained.model_mb is not None:
        describe_model(context.folder / "model", context.settings, data, of_model)
    return Result(
        dev_accuracy=dev_score.accuracy,
        labels=corpus.label_names,
        dev=dev_score,
        test=None if judged is None else score(*judged[:2]),
        pretrain=trained.pretrain,
        textcat=trained.textcat,
        parameters=trained.parameters,
        model_mb=trained.model_mb,
        classifier_mb=classifier_mb,
        digests=trained.digests,
        **circumstances(context),
        majority=float((splits.dev.labels == np.bincount(splits.train.labels).argmax()).mean()),
        temperature=trained.temperature,
        choice=choice,
        model_dev_accuracy=None
        if choice is None or trained.model_mb is None
        else accuracy(of_model, splits.dev.labels),
    )


def _predict(
    trained: Trained, examples: Examples, advance: Callable[[float], None]
) -> tuple[Floats, Mapping[str, Floats]]:
    """Probabilities (n, classes), and those of each arm that there was a choice of, and of CONTROL."""
    choice = trained.choice
    if choice is None:
        return trained.predict(examples.documents, advance), {}
    answers = {name: predict(examples.documents, advance) for name, predict in choice.arms.items()}
    together = choice.combination.predict(list(answers.values()))
    if choice.control is not None:
        answers[CONTROL] = choice.control(examples.documents, advance)
    return together, answers


def _scores(answers: Mapping[str, Floats], examples: Examples | None) -> dict[str, Score]:
    """Of none where there are no examples."""
    return {} if examples is None else {name: score(one, examples.labels) for name, one in answers.items()}


def _measured(summary: ChoiceSummary, dev: Mapping[str, Score], test: Mapping[str, Score]) -> ChoiceSummary:
    def figures(name: str) -> dict[str, Any]:
        found = {"dev": dev[name], "test": test.get(name)}
        return {
            f"{part}_{figure}": None if one is None else getattr(one, figure)
            for part, one in found.items()
            for figure in ("accuracy", "macro_f")
        }

    control = None if summary.control is None else replace(summary.control, **figures(CONTROL))
    return replace(summary, arms=[replace(arm, **figures(arm.name)) for arm in summary.arms], control=control)


def _predictions(scores: Floats, examples: Examples) -> tuple[Floats, NDArray[np.int32], NDArray[np.int64]]:
    return scores, examples.labels, examples.documents
