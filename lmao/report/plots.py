"""Plots of luck and of the search, best_of_k and history: PNG and SVG that can be read in grey."""

import textwrap
from collections.abc import Sequence
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from typing import Literal, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from lmao.files import write_whole
from lmao.pictures import content, literal
from lmao.report.description import Description
from lmao.report.rows import Group
from lmao.sweep.records import State, TrialRecord

PANEL, WIDE = (4.6, 3.4), (8.4, 4.8)  # inches
MOST_PANELS = 36
MARKED = 6  # k that are marked in best-of-k
BESIDE = 0.1  # of the width of best-of-k: what a k's intervals take
FORMATS = ("png", "svg")
FLOOR = 0.03  # height of the marks of runs that failed or lie below the panel, as a share of the axes
TAIL = 0.05  # of the runs, the worst
BELOW = r"$\downarrow$"  # a marker


class Style(NamedTuple):
    """How a row is drawn in all plots: rows differ in dashes, markers and lightness."""

    colour: str
    line: Literal["-", "--", "-.", ""] | tuple[float, tuple[float, ...]]
    marker: str


STYLES = (
    Style("#000000", "-", "o"),
    Style("#0072b2", "--", "s"),
    Style("#b0480a", "-.", "^"),
    Style("#56a4d9", (0, (1, 1)), "D"),
    Style("#8a8a8a", (0, (6, 1, 1, 1, 1, 1)), "v"),
    Style("#c49a00", (0, (3, 3)), "P"),
)


def styles(labels: Sequence[str]) -> dict[str, Style]:
    return dict(zip(labels, islice(cycle(STYLES), len(labels)), strict=True))


def save(figure: Figure, folder: Path, name: str) -> Sequence[Path]:
    """Save a figure as PNG and as SVG, the same bytes for the same picture."""
    paths = []
    with matplotlib.rc_context({"svg.hashsalt": "lmao"}):
        for kind in FORMATS:
            paths.append(folder / f"{name}.{kind}")
            write_whole(paths[-1], content(figure, kind, metadata={"Date": None} if kind == "svg" else None))
    return paths


def best_of_k(group: Group, description: Description) -> Figure | None:
    """All curves in one panel; beside it each less its baseline, where the two share draws, with 95% intervals."""
    curves = sorted(description.luck.by_luck, key=lambda curve: group.rows.index(curve.row))
    if not curves:
        return None
    style = styles([row.label for row in group.rows])
    gains = description.luck.gains(group)
    longest = max((len(gain.difference) for gain in gains), default=0)
    figure, panels = panels_of(1 + bool(gains), f"{group.title}: expected best of k runs", size=WIDE)
    for axes, most in zip(panels, (max(len(curve.expected) for curve in curves), longest), strict=False):
        _runs_to_choose_from(axes, most)
    for curve in curves:
        ks = np.arange(1, len(curve.expected) + 1)
        marked = np.flatnonzero(np.isin(ks, _marked(ks[-1]))).tolist()
        drawn = style[curve.label]
        panels[0].plot(
            ks, curve.expected, color=drawn.colour, linestyle=drawn.line, linewidth=1.4, marker=drawn.marker,
            markersize=5, markevery=marked,
        )  # fmt: skip
    for number, gain in enumerate(gains):
        drawn, axes = style[gain.label], panels[1]
        beside = max(2, longest) ** (BESIDE * (number - (len(gains) - 1) / 2) / len(gains))
        ks, own = np.arange(1, len(gain.difference) + 1), _marked(len(gain.difference))
        axes.plot(ks * beside, gain.difference, color=drawn.colour, linestyle=drawn.line, linewidth=1.4)
        axes.errorbar(
            own * beside, gain.difference[own - 1], yerr=gain.margin[own - 1], linestyle="", color=drawn.colour,
            marker=drawn.marker, markersize=5, elinewidth=1, capsize=2,
        )  # fmt: skip
    if gains:
        panels[1].axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
        panels[1].set_ylabel("less the baseline on the same draws, points")
    legend(figure, [(curve.label, style[curve.label]) for curve in curves], states=False)
    return figure


def _marked(most: int) -> NDArray[np.int64]:
    """The k that are marked, of 1 to `most`."""
    marked: NDArray[np.int64] = np.unique(np.geomspace(1, most, MARKED).round().astype(np.int64))
    return marked


def _runs_to_choose_from(axes: Axes, most: int) -> None:
    ks = _marked(most)
    axes.set_xscale("log")
    axes.set_xticks(ks, [str(k) for k in ks], minor=False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("k, runs to choose from")
    in_percent(axes)


def history(group: Group, _: Description) -> Figure | None:
    """A panel a search: each trial, and the best so far."""
    if not any(row.study.trials for row in group.searched):
        return None
    style = styles([row.label for row in group.rows])
    figure, panels = panels_of(len(group.searched), f"{group.title}: trials in their order")
    limits = accuracy_limits(group)
    for axes, row in zip(panels, group.searched, strict=False):
        trials = row.study.trials
        accuracies = [np.nan if trial.accuracy is None else trial.accuracy for trial in trials]
        best = np.fmax.accumulate(np.array(accuracies))
        axes.step([trial.number for trial in trials], best, where="post", color="0.45", linewidth=1.2)
        mark(axes, [(trial.number, trial) for trial in trials], style[row.label], limits)
        axes.set_xlim(-0.5, max(1, max((trial.number for trial in trials), default=0)) + 0.5)
        budget = f" of {row.study.budget}" if row.study.budget else ""
        titled(axes, f"{row.label}: {row.study.finished}{budget} runs ({row.study.sampler})")
        axes.set_xlabel("trial")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        in_percent(axes)
    legend(figure, [("best so far", Style("0.45", "-", "")), ("filled: complete", Style("0.3", "", "o"))], states=True)
    return figure


def mark(axes: Axes, trials: Sequence[tuple[float, TrialRecord]], style: Style, limits: tuple[float, float]) -> None:
    """Trials at their x, between `accuracy_limits`: filled where complete, hollow where pruned; on the floor an arrow
    for what lies below them, and a cross where failed."""
    axes.set_ylim(*limits)
    floor, below = axes.get_xaxis_transform(), []
    colours = {State.COMPLETE: style.colour, State.PRUNED: "none"}
    for state, face in colours.items():
        points = [(x, trial.reached) for x, trial in trials if trial.state is state and trial.reached is not None]
        xs, ys = [x for x, y in points if y >= limits[0]], [y for _, y in points if y >= limits[0]]
        axes.scatter(xs, ys, s=22, marker=style.marker, facecolor=face, edgecolor=style.colour)
        below += [x for x, y in points if y < limits[0]]
    failed = [x for x, trial in trials if trial.state is State.FAILED]
    for places, marker in ((failed, "x"), (below, BELOW)):
        heights = [FLOOR] * len(places)
        axes.scatter(places, heights, s=26, marker=marker, color=style.colour, transform=floor, clip_on=False)


def accuracy_limits(group: Group) -> tuple[float, float]:
    """What holds all that was reached, with room below for the failed; but not what lies so far below all but the
    worst TAIL that these could no longer be told apart."""
    reached = [trial.reached for row in group.searched for trial in row.study.trials if trial.reached is not None]
    low, high = 0.0, max(reached, default=1.0)
    if reached:
        typical = float(np.quantile(reached, TAIL))
        low = min(value for value in reached if value >= typical - (high - typical) / 2)
    room = max(high - low, 0.01)
    return low - 0.15 * room, high + 0.08 * room


def panels_of(
    count: int, title: str, columns: int = 3, size: tuple[float, float] = PANEL
) -> tuple[Figure, Sequence[Axes]]:
    """A figure with `count` panels, the first MOST_PANELS, in rows of `columns`; a row's first one names the y axis."""
    if count > MOST_PANELS:
        title, count = f"{title} (the first {MOST_PANELS} of {count} panels)", MOST_PANELS
    columns = min(columns, count)
    rows = ceil(count / columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows + 0.8), layout="constrained")
    figure.suptitle(textwrap.fill(literal(title), int(9.5 * size[0]) * columns))
    panels = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
    for axes in panels[::columns]:
        axes.set_ylabel("dev accuracy, %")
    return figure, panels


def legend(figure: Figure, named: Sequence[tuple[str, Style]], states: bool) -> None:
    """Below the panels: names, and what the marks of `mark` mean."""
    entries = [
        Line2D([], [], color=style.colour, linestyle=style.line, marker=style.marker, markersize=5, label=literal(name))
        for name, style in named
    ]
    if states:
        entries.append(Line2D([], [], color="0.3", linestyle="", marker="o", fillstyle="none", label="hollow: pruned"))
        entries.append(Line2D([], [], color="0.3", linestyle="", marker="x", label="failed"))
        entries.append(Line2D([], [], color="0.3", linestyle="", marker=BELOW, label="below the panel"))
    if not entries:
        return
    longest = max(len(str(entry.get_label())) for entry in entries)
    columns = max(1, min(len(entries), int(11 * figure.get_figwidth() / (longest + 7))))
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)


def titled(axes: Axes, title: str) -> None:
    axes.set_title(textwrap.fill(literal(title), 48), fontsize=10)


def in_percent(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
