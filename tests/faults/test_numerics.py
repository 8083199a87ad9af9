"""Texts and vectors that arithmetic may not survive: a message, or finite figures. Every model on each of them by hand:
`python -m benchmarks.faults --parts numerics`."""

from pathlib import Path

import pytest

from benchmarks.faults.numerics import ON_TEXTS, ON_VECTORS, VECTORS, ended, with_texts, with_vectors

DONE = "result.json"


@pytest.mark.parametrize(
    ("kind", "model", "done"),
    [
        ("one word a text", "n-grams", True),
        ("all texts equal", "n-grams", False),
        ("one class", "n-grams", False),
        ("a class with one text", "n-grams", True),
        ("no letters", "n-grams", True),
        ("nothing to see", "encoder", True),
    ],
)
def test_odd_texts_end_in_a_message_or_in_finite_figures(kind: str, model: str, done: bool, tmp_path: Path) -> None:
    assert ended([*with_texts(tmp_path, kind), *ON_TEXTS[model]], tmp_path) is None
    assert (tmp_path / DONE).exists() is done


@pytest.mark.parametrize("kind", VECTORS)
def test_odd_vectors_end_in_a_message_or_in_finite_figures(kind: str, tmp_path: Path) -> None:
    assert ended([*with_vectors(tmp_path, kind), *ON_VECTORS["mean"]], tmp_path) is None
    assert (tmp_path / DONE).exists() is (kind not in ("huge", "large", "not a number", "infinite"))


@pytest.mark.parametrize("kind", ["zeros", "small"])
def test_vectors_of_no_length_leave_every_text_the_same(kind: str, tmp_path: Path) -> None:
    assert ended([*with_vectors(tmp_path, kind), *ON_VECTORS["weighted sum"]], tmp_path) is None
    assert (tmp_path / DONE).exists() and (tmp_path / "model").exists()
