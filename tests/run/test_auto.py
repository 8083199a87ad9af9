"""textcat=auto from end to end: its arms, its choice, and what becomes of both."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rich.console
import spacy

from lmao.config.run import Config
from lmao.console import Console
from lmao.data.source import open_source
from lmao.errors import UserError
from lmao.run.arms import auto
from lmao.run.experiment import run
from lmao.run.result import ChoiceSummary
from lmao.stop import StopSignal
from lmao.tracking.mlflow_client import open_client
from lmao.tracking.off import NullStore
from lmao.tracking.store import open_store
from lmao.tracking.trial import NoTrial
from tests.support.finished import Finished, assert_calibrated

AUTO = ("textcat=auto_tiny", "evaluate_test=true")
LINEAR = ["n-grams", "LSA", "document vectors", "self-trained"]


def choice_of(run: Finished) -> ChoiceSummary:
    assert run.result.choice is not None
    return run.result.choice


def dev(run: Finished) -> tuple[np.ndarray, np.ndarray]:
    saved = np.load(run.folder / "predictions.npz")
    return saved["dev_scores"], saved["dev_labels"]


def test_every_arm_has_a_figure_before_dev_and_one_on_dev(finished: Callable[..., Finished]) -> None:
    choice = choice_of(finished(*AUTO))
    names = [arm.name for arm in choice.arms]
    assert names[:4] == LINEAR
    assert names[4] == "probe" and set(names[5:]) <= {"fine-tuned"}
    for arm in choice.arms:
        assert 0 < arm.accuracy < 1 and 0 < arm.error < 0.2 and arm.seconds > 0 and arm.megabytes > 0
        assert arm.dev_accuracy is not None and arm.test_accuracy is not None
        assert arm.dev_macro_f is not None and arm.test_macro_f is not None
    assert sum(arm.share for arm in choice.arms) == pytest.approx(1)


def test_the_result_is_that_of_what_was_chosen(finished: Callable[..., Finished]) -> None:
    run = finished(*AUTO)
    scores, labels = dev(run)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert_calibrated(run)
    assert run.result.dev_accuracy == pytest.approx((scores.argmax(axis=1) == labels).mean())
    choice = choice_of(run)
    assert choice.name in ("together", *(arm.name for arm in choice.arms))
    if choice.name != "together":
        assert choice.arm(choice.name).dev_accuracy == pytest.approx(run.result.dev_accuracy)
    stored: Any = json.loads((run.folder / "result.json").read_text())
    assert [arm["name"] for arm in stored["choice"]["arms"]] == [arm.name for arm in choice.arms]


def test_the_model_is_what_was_chosen(finished: Callable[..., Finished]) -> None:
    run = finished(*AUTO)
    choice = choice_of(run)
    assert choice.model == choice.name
    assert run.result.model_dev_accuracy == run.result.dev_accuracy
    nlp = spacy.load(run.folder / "model")
    saved = np.load(run.folder / "predictions.npz")
    texts = list(open_source(run.settings.data, Path(run.settings.cache_dir)).documents())
    asked = [texts[number].text for number in saved["dev_documents"]]
    predicted = [run.result.labels.index(max(doc.cats, key=lambda name: doc.cats[name])) for doc in nlp.pipe(asked)]
    assert (np.array(predicted) == saved["dev_labels"]).mean() == pytest.approx(run.result.dev_accuracy, abs=0.011)
    assert "in model/" not in run.output


def test_the_screen_has_a_line_an_arm_and_says_why(finished: Callable[..., Finished]) -> None:
    run = finished(*AUTO)
    above, below = run.output.split("-" * 99 + "\n")
    for arm in choice_of(run).arms:
        assert any(line.startswith("arm ") and f" {arm.name} · " in line for line in above.splitlines()), arm.name
    listed, why = [line for line in above.splitlines() if line.startswith("choose ")]
    assert "together 0." in listed and "log-loss on held-out labels" in why
    assert "without pre-training 0." in below and "majority 0.5" in below


def test_dev_decides_nothing(finished: Callable[..., Finished]) -> None:
    few, more = finished(*AUTO, "textcat.early_stopping_examples=5"), finished(*AUTO)
    np.testing.assert_array_equal(dev(few)[0], dev(more)[0])
    assert [arm.accuracy for arm in choice_of(few).arms] == [arm.accuracy for arm in choice_of(more).arms]


def test_arms_that_cannot_be_are_left_out(finished: Callable[..., Finished]) -> None:
    run = finished("textcat=auto_tiny", "vectors=none", "pretrain.epochs=0")
    choice = choice_of(run)
    assert [arm.name for arm in choice.arms][:3] == ["n-grams", "LSA", "probe"]
    assert choice.control is None and "without pre-training" not in run.output


def test_its_encoder_is_that_of_textcat_cnn(finished: Callable[..., Finished]) -> None:
    choice, cnn = choice_of(finished(*AUTO)), finished("evaluate_test=true")
    name = "fine-tuned" if cnn.result.textcat.best_epoch else "probe"
    assert choice.arm(name).dev_accuracy == pytest.approx(cnn.result.dev_accuracy)


def test_the_control_is_the_encoder_without_pretraining_and_costs_little(finished: Callable[..., Finished]) -> None:
    run = finished(*AUTO)
    control = choice_of(run).control
    assert control is not None and 3 <= control.epochs <= 10
    assert control.dev_accuracy is not None and control.test_accuracy is not None and control.dev_macro_f is not None
    assert f"   without pre-training {control.dev_accuracy:.4f}   " in run.output
    assert "control" in run.result.seconds and "control    the encoder without pre-training" in run.output
    other = choice_of(finished(*AUTO, "pretrain.seed=1"))
    assert other.control is not None and other.control.dev_accuracy == control.dev_accuracy
    assert other.arm("probe").accuracy != choice_of(run).arm("probe").accuracy


def test_costs_come_first_and_what_would_take_too_long_is_left_out(
    compose: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "MOST_TUNED", 100)
    monkeypatch.setattr(auto, "MOST_REGRESSED", 100)
    settings, output = compose("debug=tiny", "threads=1", *AUTO), io.StringIO()
    with StopSignal() as stop:
        console = Console(rich.console.Console(file=output))
        result = run(settings, tmp_path, console, stop, NoTrial(), NullStore())
    assert result.choice is not None
    assert [arm.name for arm in result.choice.arms] == ["LSA", "document vectors", "self-trained", "probe"]
    lines = output.getvalue().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("costs "))
    assert "n-grams 120 regressions on 0.0" in lines[first] and " by fine-tuning" in lines[first]
    assert not any(line.startswith(("arm ", "control ", "pretrain ")) for line in lines[:first])
    assert "warning: n-grams is left out: 120 regressions on all training texts would take too long" in lines
    assert any(line.startswith("warning: fine-tuned is left out: it would read 0 M words at least") for line in lines)


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        (["data.train_examples=1"], "the same label"),
        (["data.train_examples=2"], "no label has two different training examples: add examples, or raise data.train"),
    ],
)
def test_too_few_labels_are_one_line(
    compose: Callable[..., Config], tmp_path: Path, overrides: list[str], what: str
) -> None:
    settings = compose("debug=tiny", "threads=1", "textcat=auto_tiny", *overrides)
    with StopSignal() as stop, pytest.raises(UserError, match=what):
        run(settings, tmp_path, Console(rich.console.Console(quiet=True)), stop, NoTrial(), NullStore())


def test_it_begins_with_the_probe(compose: Callable[..., Config]) -> None:
    with pytest.raises(UserError, match=r"textcat\.init: textcat=auto judges the encoder's probe, too"):
        compose("textcat=auto", "textcat.init=fresh")


def test_mlflow_takes_all_that_it_is_told(
    compose: Callable[..., Config], mlflow_database: Path, tmp_path: Path
) -> None:
    shutil.copy(mlflow_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    settings = compose("debug=tiny", "threads=1", "textcat=auto_tiny", "tracking=mlflow", f"tracking.uri={uri}")
    (tmp_path / "run").mkdir()
    console = Console(rich.console.Console(quiet=True))
    with StopSignal() as stop:
        result = run(settings, tmp_path / "run", console, stop, NoTrial(), open_store(settings.tracking))
    assert result.mlflow_run_id is not None
    recorded = open_client(uri).get_run(result.mlflow_run_id)
    assert recorded.info.status == "FINISHED"
    arms = {name for name in recorded.data.metrics if name.startswith("arms/")}
    assert {"arms/n-grams", "arms/probe"} <= arms
    assert recorded.data.metrics["dev/best_accuracy"] == result.dev_accuracy
    assert result.choice is not None and result.choice.control is not None
    assert recorded.data.metrics["dev/without_pretraining"] == result.choice.control.dev_accuracy
