"""Pictures take any name, stay within bounds, and never cost the work that they show its result."""

import io
import warnings

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from lmao.pictures import LONGEST, MOST_PIXELS, attempt, content, literal, shown

ODD = [
    "$x_1$", "costs $5", "\\alpha$\\frac{", "a" * 300, "a" * 299 + "b", "\U0001f600", "العربية", "two\nlines", "\u200b",
    "\U00020000", "_hidden", "C:\\x$", "%s {}", "tab\there",
]  # fmt: skip


def test_any_name_can_be_drawn_and_told_from_the_others() -> None:
    names = shown([*ODD, "b" * 300, "b" * 300 + "\u200b"])
    assert len(set(names)) == len(names)
    assert all(len(name) <= LONGEST + len(" #15") for name in names)
    assert names[3] == "aaaaaaaaaaaaaaa…aaaaaaaa" and names[4].endswith("ab")
    assert (names[7], names[8], names[9], names[10]) == ("two lines", "#8", "#9", " _hidden")
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_xticks(range(len(names)), names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a letter that no font has is warned of
        content(figure)
    assert [text.get_text() for text in axes.get_xticklabels()] == names


def test_a_dollar_is_drawn_and_begins_no_formula() -> None:
    for name in ("$", "$x$", "\\$", "$\\frac{$"):
        figure = Figure()
        figure.suptitle(literal(name))
        content(figure)


def test_a_large_figure_has_fewer_dots() -> None:
    height, width, _ = imread(io.BytesIO(content(Figure(figsize=(300, 100))))).shape
    assert height * width <= 1.01 * MOST_PIXELS and width == pytest.approx(3 * height, rel=0.01)


def test_a_picture_that_fails_is_a_warning() -> None:
    said: list[str] = []

    def fail() -> None:
        raise ValueError("no such glyph\nand more")

    assert attempt(fail, "curves.png", said.append) is None
    assert attempt(lambda: 3, "curves.png", said.append) == 3
    assert said == ["curves.png could not be drawn: ValueError: no such glyph"]
