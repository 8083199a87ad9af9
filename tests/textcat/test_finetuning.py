"""Fine-tuning: settings that act, the best epoch's averaged weights in the end, and going on after a stop."""

import itertools
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.data.splits import Examples
from lmao.engine.parameters import Parameters
from lmao.engine.team import Team
from lmao.errors import Diverged
from lmao.stop import Stopped
from lmao.textcat import finetuning
from lmao.textcat.classifier import initial_weights
from lmao.textcat.finetuning import CrossValidatedTuning, Epoch, calibrated_losses, is_better
from lmao.unfinished import Unfinished
from tests.support.classifiers import Bench, ignore


def test_the_same_settings_give_the_same_weights(bench: Bench, settings: Callable[..., Config]) -> None:
    first = bench.tune(settings())
    np.random.seed(3)
    bench.tune(settings("seed=5"))
    np.testing.assert_array_equal(bench.tune(settings()).tuning.best.flat, first.tuning.best.flat)


@pytest.mark.parametrize(
    "override",
    [
        "textcat.batch_size=4",
        "textcat.dropout=0.4",
        "textcat.vector_dropout=0.4",
        "optimizer.learn_rate=0.002",
        "optimizer.beta1=0.5",
        "optimizer.beta2=0.9",
        "optimizer.eps=1e-4",
        "optimizer.L2=0.1",
        "optimizer.grad_clip=0.01",
        "seed=1",
    ],
)
def test_each_setting_acts(bench: Bench, settings: Callable[..., Config], override: str) -> None:
    weights = initial_weights(bench.classifier, None, 0)[0]
    plain, changed = (
        bench.tune(settings("textcat.epochs=1", *overrides), weights.like(weights.flat.copy()))
        for overrides in ([], [override])
    )
    assert np.abs(plain.averages[0] - changed.averages[0]).max() > 1e-5


def test_it_learns_its_training_examples(bench: Bench, settings: Callable[..., Config]) -> None:
    tuned = bench.tune(settings("textcat.epochs=12", "textcat.patience=12", "optimizer.learn_rate=0.005"))
    assert tuned.epochs[-1].loss < 0.5 * tuned.epochs[0].loss
    last = Parameters(bench.classifier.shapes, tuned.averages[-1])  # dev may like an earlier epoch best
    with Team(1) as team:
        scores = bench.classifier.predict(last, bench.train.documents, team)
    assert (scores.argmax(axis=1) == bench.train.labels).mean() > 0.9


def test_it_stops_without_a_gain_and_keeps_the_best_epochs_averaged_weights(
    bench: Bench, settings: Callable[..., Config]
) -> None:
    tuned = bench.tune(settings("textcat.epochs=30", "textcat.patience=3", "optimizer.learn_rate=0.01"))
    tuning, accuracies = tuned.tuning, [epoch.dev_accuracy for epoch in tuned.epochs]
    assert len(accuracies) < 30, "it never stopped"
    assert tuning.best_accuracy == max(accuracies)
    assert tuning.best_epoch == accuracies.index(max(accuracies)) + 1
    assert len(accuracies) == tuning.best_epoch + 3
    np.testing.assert_array_equal(tuning.best.flat, tuned.averages[tuning.best_epoch - 1])
    with Team(1) as team:
        scores = bench.classifier.predict(tuning.best, bench.dev.documents, team)
    assert (scores.argmax(axis=1) == bench.dev.labels).mean() == tuning.best_accuracy


def test_patience_counts_from_the_last_gain(bench: Bench, settings: Callable[..., Config]) -> None:
    stuck = bench.tune(settings("textcat.epochs=9", "textcat.patience=2", "optimizer.learn_rate=1e-12"))
    assert [epoch.epoch for epoch in stuck.epochs] == [1, 2, 3]
    assert stuck.tuning.best_epoch == 1


def test_only_the_first_dev_examples_judge_an_epoch(bench: Bench, settings: Callable[..., Config]) -> None:
    tuned = bench.tune(settings("textcat.epochs=1", "textcat.early_stopping_examples=7"))
    with Team(1) as team:
        scores = bench.classifier.predict(tuned.tuning.best, bench.dev.documents[:7], team)
    assert tuned.epochs[0].dev_accuracy == (scores.argmax(axis=1) == bench.dev.labels[:7]).mean()


def judge(judged: CrossValidatedTuning) -> list[Epoch]:
    with Team(1) as team:
        return list(judged.run(team, ignore))


def halves(examples: Examples) -> list[Examples]:
    return [Examples(examples.documents[part], examples.labels[part]) for part in (slice(0, 20), slice(20, None))]


def test_folds_are_judged_together_by_what_each_holds_out(bench: Bench, settings: Callable[..., Config]) -> None:
    composed = settings("textcat.epochs=2", "textcat.patience=2")
    folds, held = [bench.open(composed, train=part) for part in halves(bench.train)], halves(bench.dev)
    judged = CrossValidatedTuning(folds, held)
    epochs = judge(judged)
    assert judged.start_loss == pytest.approx(np.log(2), rel=1e-5)  # a softmax of zeros
    with Team(1) as team:
        scores = np.concatenate([fold.scores(part, team, ignore) for fold, part in zip(folds, held, strict=True)])
    assert epochs[-1].inner_loss == calibrated_losses(scores, bench.dev.labels).mean()
    assert judged.held_scores.shape == (40, bench.classifier.shapes["softmax.b"][0])
    assert judged.best_loss == calibrated_losses(judged.held_scores, bench.dev.labels).mean()


@pytest.mark.parametrize(("start", "best"), [(0.5, 3), (0.1, 0)])
def test_training_goes_on_while_the_loss_falls_though_the_start_was_better(
    bench: Bench, settings: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, start: float, best: int
) -> None:
    losses = iter([start, 0.42, 0.36, 0.24, 0.3])
    monkeypatch.setattr(finetuning, "calibrated_losses", lambda *_: np.full(40, next(losses)))
    judged = CrossValidatedTuning([bench.open(settings("textcat.epochs=9", "textcat.patience=1"))], [bench.dev])
    assert len(judge(judged)) == 4
    assert judged.best_epoch == best
    assert judged.best_loss == pytest.approx(min(start, 0.24))


def interrupted(
    work: Callable[[], Any], folder: Path, run: Callable[[Any, Callable[..., None]], Any]
) -> tuple[Any, Any]:
    """The work, and what `run` returned: stopped after 1 call of `advance`, then after 2, and so on. Each time another
    work goes on with it."""
    place = Unfinished(Cache(folder, pytest.fail), {})
    for calls in itertools.count(1):
        tuning, left = work(), iter(range(calls))
        place.resume(tuning)

        def advance(amount: float, left: Iterator[int] = left, **figures: float) -> None:
            if next(left, None) is None:
                raise Stopped(signal.SIGTERM)

        try:
            return tuning, run(tuning, advance)
        except Stopped:
            place.save(tuning)
    raise AssertionError


def same(epochs: Sequence[Epoch]) -> list[Epoch]:
    """Without what differs between runs."""
    return [replace(epoch, seconds=0.0) for epoch in epochs]


def test_fine_tuning_that_is_stopped_goes_on_where_it_stood(
    bench: Bench, settings: Callable[..., Config], tmp_path: Path
) -> None:
    composed = settings("textcat.epochs=4", "textcat.patience=2", "textcat.batch_size=16", "optimizer.beta1=0.9")
    with Team(1) as team:
        undisturbed = bench.open(composed)
        epochs = list(undisturbed.run(team, ignore))
        tuning, again = interrupted(
            lambda: bench.open(composed), tmp_path / "judged", lambda tuning, advance: list(tuning.run(team, advance))
        )
        assert same(again) == same(epochs) and tuning.best_epoch == undisturbed.best_epoch
        np.testing.assert_array_equal(tuning.best.flat, undisturbed.best.flat)
        (unjudged := bench.open(composed)).train(3, team, ignore)
        tuning, _ = interrupted(
            lambda: bench.open(composed), tmp_path / "not", lambda tuning, advance: tuning.train(3, team, advance)
        )
        np.testing.assert_array_equal(tuning.best.flat, unjudged.best.flat)


@pytest.mark.parametrize("patience", [1, 9])
def test_cross_validation_that_is_stopped_goes_on_where_it_stood(
    bench: Bench, settings: Callable[..., Config], tmp_path: Path, patience: int
) -> None:
    composed = settings("textcat.epochs=3", f"textcat.patience={patience}", "textcat.batch_size=8")

    def work() -> CrossValidatedTuning:
        return CrossValidatedTuning(
            [bench.open(composed, train=part) for part in halves(bench.train)], halves(bench.dev)
        )

    undisturbed = work()
    epochs = judge(undisturbed)
    with Team(1) as team:
        judged, again = interrupted(work, tmp_path, lambda judged, advance: list(judged.run(team, advance)))
        place = Unfinished(Cache(tmp_path, pytest.fail), {})
        place.save(judged)  # what comes after it may be stopped, too
        place.resume(afterwards := work())
        ended = list(afterwards.run(team, pytest.fail))
    for found, told in ((judged, again), (afterwards, ended)):
        assert same(told) == same(epochs)
        assert (found.best_epoch, found.start_loss, found.best_loss) == (
            undisturbed.best_epoch, undisturbed.start_loss, undisturbed.best_loss,
        )  # fmt: skip
        np.testing.assert_array_equal(found.held_scores, undisturbed.held_scores)


def test_where_no_epoch_helps_the_start_stays(bench: Bench, settings: Callable[..., Config]) -> None:
    wrong = Examples(bench.train.documents, 1 - bench.train.labels)  # what is learned makes these worse
    judged = CrossValidatedTuning([bench.open(settings("textcat.epochs=9", "textcat.patience=2"), rate=0.01)], [wrong])
    assert len(judge(judged)) < 9
    assert judged.best_epoch == 0


def test_the_rate_is_the_optimizers_unless_another_is_given(bench: Bench, settings: Callable[..., Config]) -> None:
    composed = settings("optimizer.learn_rate=0.003")
    moved = []
    for tuning in (bench.open(composed), bench.open(composed, rate=0.003), bench.open(composed, rate=0.0003)):
        with Team(1) as team:
            tuning.train(1, team, ignore)
        moved.append(tuning.best.flat)
    np.testing.assert_array_equal(moved[0], moved[1])
    assert not np.array_equal(moved[0], moved[2])


def test_a_diverging_fine_tuning_says_so(bench: Bench, settings: Callable[..., Config]) -> None:
    with np.errstate(all="ignore"), pytest.raises(Diverged, match=r"epoch 1, step \d+: lower optimizer.learn_rate, 1e"):
        bench.tune(settings("optimizer.learn_rate=1e30", "optimizer.grad_clip=0"))


def test_being_too_sure_costs_nothing_and_a_wrong_order_does() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=300)
    logits = rng.normal(size=(300, 3)) + 2 * np.eye(3)[labels]

    def loss(logits: NDArray[np.float64]) -> float:
        scores = np.exp(logits)
        scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
        return float(calibrated_losses(scores, labels).mean())

    assert loss(5 * logits) == pytest.approx(loss(logits), rel=1e-2)
    assert loss(-logits) > loss(0 * logits) - 1e-2 > loss(logits)
    assert loss(0 * logits) == pytest.approx(np.log(3), rel=1e-5)


def test_only_a_gain_beyond_its_standard_error_is_better() -> None:
    before = np.random.default_rng(0).uniform(0.1, 0.5, size=200)
    noise = np.random.default_rng(1).normal(size=200)
    noise -= noise.mean()
    assert is_better(before - 0.02 + 0.2 * noise, before)  # the standard error is 0.014
    assert not is_better(before - 0.01 + 0.2 * noise, before)
    assert not is_better(before, before)
    assert not is_better(before * np.nan, before)
