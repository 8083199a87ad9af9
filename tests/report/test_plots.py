"""Plots of luck: what is drawn of best-of-k, and where."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from lmao.report.description import describe
from lmao.report.plots import best_of_k
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
