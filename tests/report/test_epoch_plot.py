"""What epochs of pre-training do, as a picture: which rows are in it, and what is drawn of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lmao.report.description import describe
from lmao.report.epoch_plot import epochs
from lmao.report.rows import arrange
from lmao.sweep.reading import read_studies
from tests.support.reports import Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def drawn(workplace: Workplace) -> Figure | None:
    [group] = arrange(read_studies(workplace.storage, "*"))
    return epochs(group, describe(group, "", ""))


def lines(figure: Figure, panel: int) -> dict[str, list[tuple[float, float]]]:
    found = {str(line.get_label()): line.get_xydata() for line in figure.axes[panel].get_lines()}
    named = {name: np.asarray(points).round(3) for name, points in found.items() if not name.startswith("_")}
    return {name: [(x, y) for x, y in points.tolist()] for name, points in named.items()}


def test_held_out_figures_are_of_the_longest_and_accuracies_of_each(workplace: Workplace) -> None:
    for count, accuracy in ((0, 0.7), (1, 0.8), (2, 0.9)):
        maker = workplace.study(f"imdb-cosine-pretrain{count}", count)
        trial = maker.judge(np.arange(10) < 10 * accuracy, None)
        maker.complete(accuracy - 0.2)
        path = Path(trial.user_attrs["folder"]) / "result.json"
        result = json.loads(path.read_text())
        result["pretrain"]["records"] = [
            {"epoch": i, "loss": 1.0, "heldout_cosine": i / 10, "heldout_word_accuracy": i / 100}
            for i in range(1, count + 1)
        ]
        result["textcat"] = {"probe": {"dev_accuracy": 0.6 + count / 100}} if count else {"probe": None}
        path.write_text(json.dumps(result))
    figure = drawn(workplace)
    assert figure is not None
    assert lines(figure, 0) == {"cosine": [(1, 0.1), (2, 0.2)], "word accuracy": [(1, 0.01), (2, 0.02)]}
    assert lines(figure, 1) == {
        "best of the search": [(0, 0.7), (1, 0.8), (2, 0.9)],
        "median of the search": [(0, 0.6), (1, 0.7), (2, 0.8)],
        "probe of the best run": [(1, 0.61), (2, 0.62)],
    }


def test_fresh_seeds_have_their_mean(workplace: Workplace) -> None:
    for count in (0, 1):
        workplace.rerun(workplace.search(count, [0.8, 0.82]), count, 0.8, seeds=3)
    figure = drawn(workplace)
    assert figure is not None
    [name] = [name for name in lines(figure, 1) if name.startswith("best setting, fresh seeds")]
    assert [x for x, _ in lines(figure, 1)[name]] == [0, 1]


def test_variants_have_panels_of_their_own_with_the_same_baseline(workplace: Workplace) -> None:
    workplace.study("base", 0).complete(0.7)
    for objective in ("cosine", "l2"):
        for count in (1, 2):
            science = {"objective.name": objective}
            workplace.study(f"{objective}{count}", count, science).complete(0.7 + count / 10)
    figure = drawn(workplace)
    assert figure is not None and len(figure.axes) == 4
    assert lines(figure, 1) == lines(figure, 3)
    assert lines(figure, 1)["best of the search"] == [(0, 0.7), (1, 0.8), (2, 0.9)]
    assert "objective.name=l2" in figure.axes[3].get_title().replace("\n", " ")


def test_a_panel_says_why_it_is_empty(workplace: Workplace) -> None:
    for count in (0, 1):
        workplace.study(f"imdb-cosine-pretrain{count}", count).complete(0.7)
    figure = drawn(workplace)
    assert figure is not None
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [
        ["no result.json of these runs here"],
        [],
    ]


def test_a_single_number_of_epochs_shows_nothing(workplace: Workplace) -> None:
    workplace.study("imdb-cosine-pretrain1", 1).complete(0.8)
    workplace.linear(0.8, seeds=2)
    assert drawn(workplace) is None


def test_what_has_only_begun_shows_nothing(workplace: Workplace) -> None:
    workplace.study("imdb-cosine-pretrain0", 0).complete(0.8)
    workplace.study("imdb-cosine-pretrain1", 1).begin()
    assert drawn(workplace) is None
