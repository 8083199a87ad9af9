"""Plots of the settings: isolation (accuracy against each of them) and boundary (where the best ones lie)."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lmao.pictures import literal
from lmao.report.description import Description
from lmao.report.plots import Style, accuracy_limits, in_percent, legend, mark, panels_of, styles
from lmao.report.rows import Group, Row
from lmao.report.settings import EDGE, drawn_trials, extent, in_order, position, sampled_settings, space_of
from lmao.report.tables import TOP, text_of
from lmao.sweep.records import rank

LANE = 0.24  # inches of height for a row within a setting
BEST, NEXT = 80, 30  # marker areas
MARGIN = 0.04  # of a range, on both sides
FEW_DECADES = 200  # from the lowest to the highest value
CROWDED = 30  # letters of tick labels in a panel


def isolation(group: Group, _: Description) -> Figure | None:
    """Dev accuracy against each sampled setting, a panel each."""
    settings = sampled_settings(group)
    if not settings or not any(row.study.trials for row in group.searched):
        return None
    rows = [row for row in group.searched if any(drawn_trials(row, setting) for setting in settings)]
    style = styles([row.label for row in group.rows])
    figure, panels = panels_of(len(settings), f"{group.title}: dev accuracy against each setting")
    limits = accuracy_limits(group)
    for axes, setting in zip(panels, settings, strict=False):
        axes.set_xlabel(setting)
        in_percent(axes)
        _draw(axes, group, setting, rows, style, limits)
    legend(figure, [(row.label, style[row.label]._replace(line="")) for row in rows], states=True)
    return figure


def boundary(group: Group, _: Description) -> Figure | None:
    """Each setting's range from end to end, and where in it the best three of each search lie."""
    if not any(row.best for row in group.searched):
        return None
    settings = [setting for setting in sampled_settings(group) if space_of(group, setting) is not None]
    rows = [row for row in group.searched if row.best is not None]
    style = styles([row.label for row in group.rows])
    lanes = max(1, len(rows)) + 1
    figure = Figure(figsize=(9.5, LANE * lanes * max(1, len(settings)) + 1.6), layout="constrained")
    figure.suptitle(
        f"{literal(group.title)}: where the best run (filled) and the next {TOP - 1} of each search lie in the space"
    )
    axes = figure.add_subplot()
    for i, setting in enumerate(settings):
        for j, row in enumerate(rows):
            _lane(axes, row, setting, i * lanes + j, style[row.label])
        if i:
            axes.axhline(i * lanes - 1, color="0.8", linewidth=0.8)
    for low in (0.0, 1 - EDGE):
        axes.axvspan(low, low + EDGE, facecolor="0.95", edgecolor="0.75", hatch="....", zorder=0)
    axes.set_xlim(-0.02, 1.28)
    axes.set_ylim(max(1, len(settings)) * lanes - 1, -1)
    axes.set_xticks([0, 0.5, 1], ["low end", "middle", "high end"])
    named = [f"{name}\n{textwrap.fill(literal(_ends(group, name)), 40)}" for name in settings]
    axes.set_yticks([i * lanes + (lanes - 2) / 2 for i in range(len(settings))], named, fontsize=8)
    legend(figure, [(row.label, style[row.label]._replace(line="")) for row in rows], states=False)
    return figure


def _draw(
    axes: Axes, group: Group, setting: str, rows: Sequence[Row], style: dict[str, Style], limits: tuple[float, float]
) -> None:
    distribution = space_of(group, setting)
    trials = {row.label: drawn_trials(row, setting) for row in rows}
    choices = distribution.choices if isinstance(distribution, CategoricalDistribution) else None
    if choices is not None:
        order = in_order(choices)
        names = [literal(text_of(value)) for value in order]
        crowded = sum(map(len, names)) > CROWDED
        axes.set_xticks(range(len(order)), names, rotation=30 if crowded else 0, ha="right" if crowded else "center")
        axes.set_xlim(-0.6, len(order) - 0.4)
    elif isinstance(distribution, FloatDistribution | IntDistribution):
        if distribution.log:
            _log_scale(axes, distribution.high / distribution.low)
        axes.set_xlim(*_with_margin(distribution.low, distribution.high, distribution.log))
    for i, row in enumerate(rows):
        lane = 0.6 * (i + 0.5) / len(rows) - 0.3  # choices side by side, so that rows don't hide each other
        values = [trial.parameters[setting] for trial in trials[row.label]]
        places = values if choices is None else [order.index(value) + lane for value in values]
        mark(axes, list(zip(places, trials[row.label], strict=True)), style[row.label], limits)


def _log_scale(axes: Axes, ratio: float) -> None:
    """Powers of ten, and three times these where there are few."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if ratio > FEW_DECADES else (1.0, 3.0), numticks=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _with_margin(low: float, high: float, log: bool) -> tuple[float, float]:
    if low == high:
        return (low / 2, 2 * low) if log else (low - 1, low + 1)
    if log:
        factor = (high / low) ** MARGIN
        return low / factor, high * factor
    room = MARGIN * (high - low)
    return low - room, high + room


def _lane(axes: Axes, row: Row, setting: str, height: float, style: Style) -> None:
    """A row's range within a setting, with its best and the next two."""
    distribution = row.study.space.get(setting)
    if distribution is None:
        return
    axes.plot([0, 1], [height, height], color="0.7", linewidth=0.8, zorder=1)
    complete = [trial for trial in row.study.complete if setting in trial.parameters]
    for i, trial in enumerate(sorted(complete, key=rank)[:TOP]):
        place = position(distribution, trial.parameters[setting])
        size, face = (NEXT, "white") if i else (BEST, style.colour)
        axes.scatter(place.share, height, s=size, marker=style.marker, facecolor=face, edgecolor=style.colour, zorder=3)
        if i == 0:
            text = literal(text_of(trial.parameters[setting])) + ("  at the edge" if place.at_edge else "")
            axes.text(1.03, height, text, va="center", fontsize=8, weight="bold" if place.at_edge else "normal")


def _ends(group: Group, setting: str) -> str:
    distribution = space_of(group, setting)
    assert distribution is not None
    return extent(distribution)
