"""The effect of each setting: what was drawn, put in bins, and the best three runs of each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import eq
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from lmao.report.rows import Group, Row
from lmao.report.tables import TOP, Table, percent, text_of
from lmao.sweep.records import State, TrialRecord

FEW = 4  # values that are listed one by one where there could be any
EDGE = 0.05  # of a range
ENDED = (State.COMPLETE, State.PRUNED, State.FAILED)


Bin = tuple[str, Callable[[Any], bool]]  # what it is called, and whether a value belongs to it


@dataclass(frozen=True)
class Position:
    """Where a value lies in its setting's range, 0 to 1 (on the scale it is drawn on)."""

    share: float
    at_edge: bool


def sampled_settings(group: Group) -> Sequence[str]:
    """The settings that any search of the group draws."""
    names = {name for row in group.searched for name in row.study.space}
    names |= {name for row in group.searched for trial in row.study.trials for name in trial.parameters}
    return sorted(names - {"seed"})


def space_of(group: Group, setting: str) -> BaseDistribution | None:
    """What the searches draw it from: an interval of one of them, or all of their choices."""
    found = [row.study.space[setting] for row in group.searched if setting in row.study.space]
    choices: list[Any] = []
    for distribution in found:
        if not isinstance(distribution, CategoricalDistribution):
            return distribution
        choices += distribution.choices
    return CategoricalDistribution(in_order(choices)) if choices else None


def drawn_trials(row: Row, setting: str) -> Sequence[TrialRecord]:
    """The trials of a row's search that ended and had a value for it."""
    return [trial for trial in row.study.trials if trial.state in ENDED and setting in trial.parameters]


def top_three(group: Group) -> Table:
    """The mean of the three best runs at each value of each setting, a column for each row of the group."""
    rows = [row for row in group.searched if sampled_settings(Group("", [row]))]
    body = []
    for setting in sampled_settings(group):
        trials = {row.label: drawn_trials(row, setting) for row in rows}
        values = [trial.parameters[setting] for found in trials.values() for trial in found]
        for text, holds in _bins(values, isinstance(space_of(group, setting), CategoricalDistribution)):
            cells = [_top([trial for trial in trials[row.label] if holds(trial.parameters[setting])]) for row in rows]
            body.append([setting, text, *cells])
    header = ["setting", "value", *(row.label for row in rows)]
    return Table(f"Mean of the best {TOP} runs at each value, % (runs that ended there)", header, body)


def position(distribution: BaseDistribution, value: Any) -> Position:
    """Choices lie evenly; those without an order, and fewer than three, have no edge."""
    if isinstance(distribution, CategoricalDistribution):
        choices = in_order(distribution.choices)
        index = choices.index(value)
        inside = len(choices) < 3 or not all(map(_is_number, choices)) or 0 < index < len(choices) - 1
        return Position(index / max(1, len(choices) - 1), not inside)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high, at = (float(number) for number in (distribution.low, distribution.high, value))
    if distribution.log:
        low, high, at = np.log(low), np.log(high), np.log(at)
    share = float((at - low) / (high - low)) if high > low else 0.5
    return Position(share, not EDGE < share < 1 - EDGE)


def in_order(values: Iterable[Any]) -> Sequence[Any]:
    """The distinct values, sorted if they are numbers."""
    distinct = list(dict.fromkeys(values))
    return sorted(distinct, key=None if all(map(_is_number, distinct)) else str)


def at_the_edge(group: Group) -> Sequence[str]:
    """A line for each row whose three best values lie at one end of their range: the space may be too small there.

    One best value does by chance: two of three choices are ends.
    """
    lines = []
    for row in group.searched:
        best = sorted(row.study.complete, key=lambda trial: -(trial.accuracy or 0.0))[:TOP]
        found = [
            f"{setting} = {', '.join(map(text_of, in_order(values)))} of {extent(distribution)}"
            for setting, distribution in sorted(row.study.space.items())
            if len(values := [trial.parameters[setting] for trial in best if setting in trial.parameters]) == TOP
            and {_end(distribution, value) for value in values} in ({True}, {False})
        ]
        if found:
            lines.append(f"{row.label}: {'; '.join(found)}")
    return lines


def _end(distribution: BaseDistribution, value: Any) -> bool | None:
    """Whether a value lies at the upper end of its range, or at the lower; None: at neither."""
    found = position(distribution, value)
    return found.share > 0.5 if found.at_edge else None


def extent(distribution: BaseDistribution) -> str:
    """`0.0001 to 0.1, log`, or the choices."""
    if isinstance(distribution, CategoricalDistribution):
        return ", ".join(text_of(choice) for choice in distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return f"{text_of(distribution.low)} to {text_of(distribution.high)}" + ", log" * distribution.log


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bins(values: Sequence[Any], choices: bool) -> Sequence[Bin]:
    """Each value where they are choices or few; else quarters that hold the same number of runs."""
    distinct = in_order(values)
    if choices or len(distinct) <= FEW or not all(map(_is_number, distinct)):
        return [(text_of(value), partial(eq, value)) for value in distinct]
    edges = [float(edge) for edge in np.unique(np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))]
    return [
        (f"{text_of(low)} to {text_of(high)}", _within(low, high, low == edges[0])) for low, high in pairwise(edges)
    ]


def _within(low: float, high: float, closed: bool) -> Callable[[Any], bool]:
    """Above `low` (or at it, where closed), up to `high`."""
    return lambda value: low < value <= high or (closed and value == low)


def _top(trials: Sequence[TrialRecord]) -> str:
    if not trials:
        return ""
    accuracies = sorted((trial.accuracy for trial in trials if trial.accuracy is not None), reverse=True)[:TOP]
    failed = sum(trial.state is State.FAILED for trial in trials)
    count = f"({len(trials)}{f', {failed} failed' if failed else ''})"
    return f"{percent(sum(accuracies) / len(accuracies))} {count}" if accuracies else count
