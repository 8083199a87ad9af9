"""The picture of what epochs of pre-training do: held-out figures after each, and the classifiers that follow them."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmao.pictures import literal
from lmao.report.description import Description
from lmao.report.plots import STYLES, Style, in_percent, panels_of, titled
from lmao.report.rows import Group, Row

HELDOUT = "heldout_"  # names the figures of an epoch of pre-training that are of texts it doesn't learn from


def epochs(group: Group, description: Description) -> Figure | None:
    """Two panels for the rows that differ in epochs alone; None where no two such have a finished run."""
    families = [rows for rows in _families(group).values() if sum(any(_reached(row)) for row in rows) > 1]
    if not families:
        return None
    figure, panels = panels_of(2 * len(families), f"{group.title}: what epochs of pre-training do", columns=2)
    for number, rows in enumerate(families[: len(panels) // 2]):
        variant = _variant(rows[-1])
        left, right = panels[2 * number], panels[2 * number + 1]
        _heldout(left, [description.results.get(row.label, {}) for row in rows])
        titled(left, f"held-out texts{variant and ': '}{variant}")
        _classifiers(right, rows, description.results)
        titled(right, f"classifier, dev{variant and ': '}{variant}")
        for axes in (left, right):
            axes.set_xlabel("epochs of pre-training")
            axes.set_xlim(-0.2, _epochs(rows[-1]) + 0.2)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            in_percent(axes)
            if axes.has_data():
                axes.legend(fontsize=9, frameon=False)
            else:
                axes.text(0.5, 0.5, "no result.json of these runs here", ha="center", transform=axes.transAxes)
        left.set_ylabel("%")
    return figure


def _families(group: Group) -> Mapping[str, Sequence[Row]]:
    """Rows by all that is said of them but their epochs, in the order of these; the baseline is in each."""
    counted = [row for row in group.rows if isinstance(row.study.pretrain_epochs, int) and not row.study.is_linear]
    trained = [row for row in counted if _epochs(row)]
    return {
        variant: [
            *(row for row in counted if not _epochs(row) and _variant(row) in ("", variant)),
            *(row for row in trained if _variant(row) == variant),
        ]
        for variant in dict.fromkeys(map(_variant, trained))
    }


def _heldout(axes: Axes, results: Sequence[Mapping[str, Any]]) -> None:
    """Of the longest pre-training: the others are its beginning."""
    records = [result["pretrain"].get("records", []) for result in results if result.get("pretrain")]
    longest: Sequence[Mapping[str, Any]] = max(records, key=len, default=[])
    named = [name for name in (longest[0] if longest else {}) if name.startswith(HELDOUT)]
    for name, style in zip(named, cycle(STYLES), strict=False):
        points = [(record["epoch"], record[name]) for record in longest]
        _line(axes, points, name.removeprefix(HELDOUT).replace("_", " "), style)


def _classifiers(axes: Axes, rows: Sequence[Row], results: Mapping[str, Mapping[str, Any]]) -> None:
    searched = {_epochs(row): values for row in rows if (values := _reached(row)[0])}
    fresh = {_epochs(row): values for row in rows if (values := _reached(row)[1])}
    probes = {_epochs(row): results.get(row.label, {}).get("textcat", {}).get("probe") for row in rows}
    _line(axes, [(at, max(values)) for at, values in searched.items()], "best of the search", STYLES[0])
    middle = [(at, float(np.median(values))) for at, values in searched.items()]
    _line(axes, middle, "median of the search", STYLES[1])
    means = [(at, float(np.mean(values))) for at, values in fresh.items()]
    _line(axes, means, "best setting, fresh seeds (± sd)", STYLES[2])
    for at, values in fresh.items():
        if len(values) > 1:
            axes.errorbar(at, np.mean(values), np.std(values, ddof=1), color=STYLES[2].colour, capsize=3)
    of_best = [(at, probe["dev_accuracy"]) for at, probe in probes.items() if probe]
    _line(axes, of_best, "probe of the best run", STYLES[3])


def _reached(row: Row) -> tuple[list[float], list[float]]:
    """Dev accuracies of its search, and with fresh seeds."""
    searched, fresh = (
        [] if study is None else [trial.accuracy for trial in study.complete if trial.accuracy is not None]
        for study in (row.search, row.rerun)
    )
    return searched, fresh


def _line(axes: Axes, points: Sequence[tuple[int, float]], name: str, style: Style) -> None:
    if points:
        xs, ys = zip(*points, strict=True)
        axes.plot(
            xs, ys, label=literal(name), color=style.colour, linestyle=style.line, marker=style.marker, markersize=5
        )


def _epochs(row: Row) -> int:
    epochs = row.study.pretrain_epochs
    assert isinstance(epochs, int)
    return epochs


def _variant(row: Row) -> str:
    """A label says the epochs first."""
    return row.label.partition(", ")[2]
