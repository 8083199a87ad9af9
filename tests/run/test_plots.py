from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from lmao.run.plots import confusion_matrix, learning_curves

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
