"""Plots of luck: what is drawn of best-of-k, and where."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from lmao.report.description import describe
from lmao.report.plots import best_of_k
from lmao.report.rows import arrange
from lmao.report.statistics import best_of_k as expected_best
from lmao.sweep.reading import read_studies
from tests.support.reports import Workplace


@pytest.mark.parametrize("trials", (2, 8))
def test_best_of_k_is_one_panel_in_which_no_row_hides_another(tmp_path: Path, trials: int) -> None:
    workplace, accuracies = Workplace(tmp_path), np.linspace(0.7, 0.8, trials)
    for count in (0, 1, 2):
        workplace.search(count, accuracies.tolist())
    [group] = arrange(read_studies(workplace.storage, "*"))
    figure = best_of_k(group, describe(group, "", ""))
    assert figure is not None
    [axes] = figure.axes
    curves = [
        line.get_xydata() for line in axes.get_lines() if line.get_linestyle() != "None" and line.get_marker() == "None"
    ]
    assert len(curves) == 3
    for points in curves:
        np.testing.assert_allclose(np.asarray(points)[:, 1], expected_best(accuracies)[: trials // 2])
    bars = np.concatenate(
        [np.asarray(bar.get_segments())[:, 0, 0] for bar in axes.collections if isinstance(bar, LineCollection)]
    )
    assert len(bars) == len(np.unique(bars.round(6))) == 3 * (trials // 2)
