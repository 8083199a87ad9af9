import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rich.console
from matplotlib.image import imread

from lmao.config.run import Config
from lmao.console import Console
from lmao.run.experiment import run
from lmao.run.plots import MOST, _with_others, confusion_matrix, learning_curves
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial

PRETRAIN = [{"epoch": 1, "loss": 0.5, "heldout_cosine": 0.6, "heldout_word_accuracy": 0.3}]
TEXTCAT = [{"epoch": i + 1, "loss": 0.7 / (i + 1), "dev_accuracy": 0.8 + 0.01 * i} for i in range(5)]


def test_without_pretraining_there_is_one_panel(tmp_path: Path) -> None:
    learning_curves(tmp_path / "both.png", PRETRAIN, TEXTCAT, 5)
    learning_curves(tmp_path / "one.png", [], TEXTCAT, 5)
    both, one = imread(tmp_path / "both.png"), imread(tmp_path / "one.png")
    assert both.shape[1] == pytest.approx(2 * one.shape[1], abs=2)


def test_the_epoch_that_was_kept_is_marked_and_none_where_none_was(tmp_path: Path) -> None:
    pictures = []
    for kept in (0, 1, 5):
        learning_curves(tmp_path / f"{kept}.png", [], TEXTCAT, kept)
        pictures.append(imread(tmp_path / f"{kept}.png"))
    assert len({picture.tobytes() for picture in pictures}) == 3


def test_thirty_classes_with_long_names_make_a_larger_picture(tmp_path: Path) -> None:
    confusion_matrix(tmp_path / "2.png", [[4, 1], [0, 5]], ["neg", "pos"])
    confusion_matrix(
        tmp_path / "30.png", np.eye(30, dtype=int).tolist(), [f"a rather long name, number {i}" for i in range(30)]
    )
    small, large = imread(tmp_path / "2.png"), imread(tmp_path / "30.png")
    assert large.shape[0] > 2 * small.shape[0]


def test_a_class_without_examples_is_drawn(tmp_path: Path) -> None:
    confusion_matrix(tmp_path / "empty.png", [[3, 1], [0, 0]], ["a", "b"])
    assert (tmp_path / "empty.png").stat().st_size > 0


def test_a_larger_share_is_darker(tmp_path: Path) -> None:
    confusion_matrix(tmp_path / "right.png", [[100, 0], [0, 100]], ["a", "b"])
    confusion_matrix(tmp_path / "even.png", [[50, 50], [50, 50]], ["a", "b"])
    right, even = imread(tmp_path / "right.png")[..., :3], imread(tmp_path / "even.png")[..., :3]
    assert (right < 0.05).sum() > 5 * (even < 0.05).sum()


def test_three_hundred_classes_take_no_more_room_than_forty(tmp_path: Path) -> None:
    counts = np.eye(300, dtype=int) * 5
    counts[7, 299] = counts[299, 7] = 4
    sizes = []
    for classes in (40, 300):
        names = [f"${i}_{{" for i in range(classes)]
        confusion_matrix(tmp_path / "x.png", counts[:classes, :classes].tolist(), names)
        sizes.append(imread(tmp_path / "x.png").size)
    assert sizes[1] == pytest.approx(sizes[0], rel=0.1)


def test_the_classes_with_the_most_errors_keep_their_rows_and_no_count_is_lost() -> None:
    counts = np.eye(100, dtype=int) * 5
    counts[50:60, 60:70] = 1
    shown, names = _with_others(counts, [f"class {i}" for i in range(100)])
    assert shown.shape == (MOST, MOST) and shown.sum() == counts.sum()
    assert names[-1] == "61 others" and {f"class {i}" for i in range(50, 70)} < set(names)
    assert shown[names.index("class 50"), names.index("class 60")] == 1


def test_a_picture_that_fails_leaves_the_run_its_result(
    compose: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("lmao.run.experiment.confusion_matrix", fail)
    settings, said = compose("debug=tiny", "textcat=linear", "tracking=off", "threads=1"), io.StringIO()
    console = Console(rich.console.Console(file=said))
    result = run(settings, tmp_path, console, StopSignal(), NoTrial(), NullStore())
    assert json.loads((tmp_path / "result.json").read_text())["dev_accuracy"] == result.dev_accuracy
    assert "warning: confusion.png could not be drawn: MemoryError\n" in said.getvalue()
    assert "dev accuracy" in said.getvalue()
