"""Probe first: what it reports, which labels it may see, and what it leaves in the run's folder."""

import io
import json
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import rich.console

from lmao import console
from lmao.config.run import Config
from lmao.console import Console
from lmao.corpus.corpus import Corpus
from lmao.encoder.opening import open_encoder
from lmao.engine.initialization import initialize
from lmao.errors import UserError
from lmao.objectives.opening import open_tasks
from lmao.run.experiment import run
from lmao.run.result import PretrainSummary
from lmao.run.stages.pretrain import Pretrained
from lmao.run.stages.probe import fit, text_map
from lmao.run.stages.textcat import inner_folds
from lmao.stop import Stopped, StopSignal
from lmao.textcat.folds import cut
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from tests.support.finished import Finished, assert_calibrated, predictions
from tests.support.targets import target_sources


@pytest.mark.parametrize(("labels", "folds"), [(1000, 1), (500, 2), (300, 3), (100, 5), (20, 5)])
def test_so_many_folds_that_the_held_out_examples_can_tell(labels: int, folds: int) -> None:
    assert len(inner_folds(cut(np.arange(labels) % 4, 0), labels)) == folds


def test_no_example_judges_twice() -> None:
    cuts = cut(np.repeat([0, 1, 2], [50, 25, 1]), 0)
    held = np.concatenate([fold.held for fold in inner_folds(cuts, 76)])
    np.testing.assert_array_equal(np.sort(held), np.arange(75))  # the only one of its class is learned from


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_run_reports_its_probe(finished: Callable[..., Finished], epochs: int) -> None:
    """Without pre-training it is the control: a probe of an untrained encoder."""
    run = finished(f"pretrain.epochs={epochs}")
    probe = json.loads((run.folder / "result.json").read_text())["textcat"]["probe"]
    saved = np.load(run.folder / "probe_predictions.npz")
    right = saved["dev_scores"].argmax(axis=1) == saved["dev_labels"]
    assert probe["dev_accuracy"] == pytest.approx(right.mean())
    assert 0 < probe["accuracy"] <= 1
    assert "probe " in run.output


def test_where_fine_tuning_never_helps_the_model_is_the_probe(finished: Callable[..., Finished]) -> None:
    run = finished("optimizer.learn_rate=5", "optimizer.grad_clip=0")
    assert run.result.textcat.best_epoch == 0
    saved, probe = np.load(run.folder / "predictions.npz"), np.load(run.folder / "probe_predictions.npz")
    np.testing.assert_allclose(saved["dev_scores"], probe["dev_scores"], atol=1e-5)
    assert "the probe stays" in run.output


@pytest.mark.parametrize("overrides", [[], ["optimizer.learn_rate=5", "optimizer.grad_clip=0"]])
def test_the_scores_are_calibrated_on_training_labels(finished: Callable[..., Finished], overrides: list[str]) -> None:
    """The fine-tuned encoder's and, where it stays, the probe's: no other temperature is much better."""
    run = finished(*overrides)
    assert_calibrated(run)
    assert f"calibration error {run.result.dev.calibration_error:.3f}" in run.output


@pytest.mark.parametrize("overrides", [["textcat=cnn_tiny"], ["textcat=linear", "textcat.features=document"]])
def test_too_few_labels_are_one_line_before_anything_long(
    compose: Callable[..., Config], tmp_path: Path, overrides: list[str]
) -> None:
    settings, output = compose("debug=tiny", "threads=1", "data.train_examples=2", *overrides), io.StringIO()
    with StopSignal() as stop, pytest.raises(UserError, match="no label has two different training examples: add"):
        run(settings, tmp_path, Console(rich.console.Console(file=output)), stop, NoTrial(), NullStore())
    assert {line.split()[0] for line in output.getvalue().splitlines()} <= {"encode", "data", "warning:", "scale"}


@pytest.mark.parametrize("textcat", ["cnn_tiny", "auto_tiny"])
def test_two_examples_a_label_are_enough(finished: Callable[..., Finished], textcat: str) -> None:
    run = finished(f"textcat={textcat}", "data.train_examples=4", "pretrain.epochs=0")
    assert "4 train" in run.output and run.result.dev.examples == 100


def test_labels_that_pretraining_has_learned_are_told_of(finished: Callable[..., Finished]) -> None:
    line = "warning: probe: pretrain.mode=interleave has learned these labels: what is cross-validated flatters it"
    assert line in finished("pretrain.mode=interleave", "pretrain.seed=0", "seed=1").output
    assert "has learned these labels" not in finished().output


def test_dev_decides_nothing(finished: Callable[..., Finished]) -> None:
    """Other examples to judge by, the same weights."""
    few, more = finished("textcat.early_stopping_examples=5"), finished()
    for name in ("dev_scores", "dev_documents"):
        np.testing.assert_array_equal(
            np.load(few.folder / "predictions.npz")[name], np.load(more.folder / "predictions.npz")[name]
        )


def test_a_run_that_is_stopped_ends_as_if_nothing_was(
    finished: Callable[..., Finished], compose: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit; and what it had learned of the labels is kept by a stop that comes much later."""
    monkeypatch.setattr(console, "PLAIN_SECONDS", 0.0)  # each step is told of
    settings, kept = compose("debug=tiny", "threads=1", f"cache_dir={tmp_path}/cache"), []
    for where in ("textcat", "evaluate", None):

        def tell(stage: str, share: float | None, where: str | None = where) -> None:
            if stage == where and share:
                signal.raise_signal(signal.SIGTERM)

        with StopSignal() as stop, nullcontext() if where is None else pytest.raises(Stopped):
            run(settings, tmp_path / "run", Console(silent=True, tell=tell), stop, NoTrial(), NullStore())
        kept.append(len(list((tmp_path / "cache/unfinished").glob("*/manifest.json"))))
    assert kept[0] == 1 and kept[1] >= 1 and kept[2] == 0
    undisturbed = predictions(finished().folder)
    for name, scores in predictions(tmp_path / "run").items():
        np.testing.assert_array_equal(scores, undisturbed[name])


def test_fresh_starts_from_zero_and_has_no_probe(finished: Callable[..., Finished]) -> None:
    run = finished("textcat.init=fresh")
    assert run.result.textcat.probe is None and run.result.temperature is None
    assert run.result.textcat.best_epoch >= 1
    assert "(not calibrated)" in run.output and "doubtful.csv" not in run.output


@pytest.mark.parametrize(
    ("overrides", "found"),
    [
        (["objective=document"], True),
        (["objective=sum"], True),
        (["objective=document", "objective.hidden_size=30"], False),
        (["objective=cosine"], False),
    ],
)
def test_the_probe_reads_what_a_linear_head_predicts_of_texts(
    compose: Callable[..., Config], corpus: Corpus, overrides: list[str], found: bool
) -> None:
    settings = compose("debug=tiny", "pretrain=lmao", *overrides)
    table = np.random.default_rng(0).normal(size=(len(corpus.words) + 1, 20)).astype(np.float32)
    tasks, _ = open_tasks(
        settings.parts, target_sources(corpus, corpus.type_words, table), open_encoder(settings.encoder, 20)
    )
    weights = initialize({name: shape for task in tasks for name, shape in task.output.shapes().items()}, seed=0)
    head = text_map(Pretrained(weights, tasks, PretrainSummary(1, 1, 1.0, 1.0, [1.0], 0, [])))
    assert (head is not None) == found
    features = np.random.default_rng(0).normal(size=(40, 32)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(np.int32)
    probe = fit(features, head, labels, 2, cut(labels, 0))
    rows = features[:20] if head is None else head[0]
    beside = probe.W - probe.W @ np.linalg.pinv(rows) @ rows  # what the head does not see
    assert (np.abs(beside).max() < 1e-5) == found
