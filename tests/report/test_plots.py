"""Plots of luck: what is drawn of best-of-k, and where."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from lmao.report.description import describe
from lmao.report.plots import BELOW, best_of_k, history
from lmao.report.rows import arrange
from lmao.report.statistics import best_of_k as expected_best
from lmao.sweep.reading import read_studies
from tests.support.reports import Workplace


def drawn(workplace: Workplace) -> Figure:
    [group] = arrange(read_studies(workplace.storage, "*"))
    figure = best_of_k(group, describe(group, "", ""))
    assert figure is not None
    return figure


@pytest.mark.parametrize("trials", (4, 8))
def test_best_of_k_has_the_curves_and_beside_them_what_they_gain_side_by_side(tmp_path: Path, trials: int) -> None:
    workplace, accuracies = Workplace(tmp_path), np.linspace(0.7, 0.8, trials)
    for count in (0, 1, 2):
        workplace.search(count, (accuracies + count / 100).tolist())
    curves, gains = drawn(workplace).axes
    for count, line in enumerate(curves.get_lines()):
        points = np.asarray(line.get_xydata())
        np.testing.assert_allclose(points[:, 1], expected_best(accuracies + count / 100)[: trials // 2])
    bars = np.concatenate(
        [np.asarray(bar.get_segments())[:, 0, 0] for bar in gains.collections if isinstance(bar, LineCollection)]
    )
    assert len(bars) == len(np.unique(bars.round(6))) == 2 * (trials // 2)
    levels = [np.asarray(line.get_ydata()) for line in gains.get_lines() if len(np.asarray(line.get_ydata())) > 0]
    assert any(np.allclose(level, 0.01) for level in levels)
    assert any(np.allclose(level, 0.02) for level in levels)


def test_best_of_k_without_a_baseline_is_one_panel(tmp_path: Path) -> None:
    workplace = Workplace(tmp_path)
    for count in (1, 2):
        workplace.search(count, [0.7, 0.8])
    assert len(drawn(workplace).axes) == 1


def test_a_run_that_came_to_nothing_does_not_hide_how_the_others_differ(tmp_path: Path) -> None:
    workplace, accuracies = Workplace(tmp_path), np.linspace(0.75, 0.83, 30).tolist()
    workplace.search(0, [*accuracies, 0.5])
    [group] = arrange(read_studies(workplace.storage, "*"))
    figure = history(group, describe(group, "", ""))
    assert figure is not None
    [panel] = figure.axes
    assert 0.7 < panel.get_ylim()[0] < 0.75
    marked = [len(np.asarray(marks.get_offsets())) for marks in panel.collections]
    assert sum(marked) == 31 and marked[-1] == 1, "the last, an arrow on the floor"
    assert BELOW in {entry.get_marker() for entry in figure.legends[0].get_lines()}
