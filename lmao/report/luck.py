"""Does the order of the rows hold beyond the luckiest run? Expected best-of-k curves, and searches draw by draw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmao.report.rows import Group, Row
from lmao.report.statistics import LEVEL, BestComparison, Floats, best_of_k, compare_best, holm
from lmao.report.tables import Table, p_value, percent, points
from lmao.sweep.records import TrialRecord

INDEPENDENT = "random"  # the sampler whose trials are independent draws
FEWEST = 4  # draws that two searches share; their best of 2 is the least that is not one run


@dataclass(frozen=True, eq=False)
class Curve:
    """Expected best accuracy of k runs, k = 1 .. n / 2."""

    row: Row
    best: float
    expected: Floats

    @property
    def label(self) -> str:
        return self.row.label


@dataclass(frozen=True)
class Contrast:
    """`first` less `second` on the draws of settings and seeds that both searches finished."""

    first: Curve
    second: Curve
    comparison: BestComparison  # p: Holm's over the table, too

    def above(self) -> NDArray[np.bool_]:
        """At which k the first is above the second, and luck doesn't explain it."""
        return (self.comparison.difference > 0) & (self.comparison.p < LEVEL)

    def below(self) -> NDArray[np.bool_]:
        return (self.comparison.difference < 0) & (self.comparison.p < LEVEL)


class Gain(NamedTuple):
    """A row's expected best of k less that of its baseline, and half the width of the 95% interval."""

    label: str
    difference: Floats
    margin: Floats


@dataclass(frozen=True)
class Luck:
    """What is known of a group beyond its luckiest runs; `by_luck`: the curves, the best run first."""

    by_luck: Sequence[Curve]
    contrasts: Sequence[Contrast]

    def contrast(self, first: Curve, second: Curve) -> Contrast | None:
        named = ((found.first, found.second, found) for found in self.contrasts)
        return next((found for one, other, found in named if (one, other) == (first, second)), None)

    def gains(self, group: Group) -> Sequence[Gain]:
        """In the order of the rows; none for rows that share no draws with their baseline."""
        found = {}
        for contrast in self.contrasts:
            first, second, comparison = contrast.first, contrast.second, contrast.comparison
            if group.baseline_of(first.row) is second.row:
                found[first.label] = Gain(first.label, comparison.difference, comparison.margin)
            elif group.baseline_of(second.row) is first.row:
                found[second.label] = Gain(second.label, -comparison.difference, comparison.margin)
        return [found[row.label] for row in group.rows if row.label in found]


def beyond(group: Group, chance: float) -> Luck:
    """A curve for each row whose random search has finished two trials or more, not all of them failed; and each step
    of their order, and each row against its baseline, where four draws are shared or more."""
    curves = []
    for row in group.rows:
        values = row.values(chance)
        if len(values) > 1 and row.reached_any and row.study.sampler == INDEPENDENT:
            curves.append(Curve(row, values.max(), best_of_k(values)[: len(values) // 2]))
    by_luck = sorted(curves, key=lambda curve: -curve.best)
    found = []
    for first, second in _pairs(group, by_luck):
        values = _shared(first.row, second.row, chance)
        if len(values) >= FEWEST:
            found.append((first, second, compare_best(*values.T)))
    least = [float(comparison.p.min()) for _, _, comparison in found]
    return Luck(
        by_luck,
        [
            Contrast(first, second, comparison.times(adjusted / p))
            for (first, second, comparison), p, adjusted in zip(found, least, holm(least), strict=True)
        ],
    )


def contrasts(luck: Luck) -> Table | None:
    """A row for each contrast."""
    header = ["A", "B", "draws: A above B", "expected best of k: A - B [95%], p (Holm)", "beyond luck"]
    floors = holm([2.0 ** (1 - contrast.comparison.draws) for contrast in luck.contrasts])
    body = []
    for contrast, floor in zip(luck.contrasts, floors, strict=True):
        comparison = contrast.comparison
        ks = np.unique(np.geomspace(1, len(comparison.difference), 3).round().astype(int))
        body.append(
            [
                contrast.first.label,
                contrast.second.label,
                f"{comparison.above} of {comparison.draws}",
                "; ".join(_difference(comparison, k) for k in ks),
                _word(contrast, floor),
            ]
        )
    return Table("Beyond the luckiest run, points", header, body) if body else None


def sentences(group: Group, luck: Luck) -> Sequence[str]:
    """Whether each step of the order by the luckiest run is more than luck; and which rows are not in it, and why."""
    labels = {curve.label for curve in luck.by_luck}
    lines = []
    for row in group.rows:
        if not row.reached_any or row.label in labels:
            continue
        if row.study.sampler != INDEPENDENT:
            lines.append(
                f"{row.label}: its sampler ({row.study.sampler}) doesn't draw independently, so it has no best-of-k "
                "curve; sweep=random gives one."
            )
        else:
            lines.append(f"{row.label}: one finished run has no best-of-k curve.")
    steps = list(pairwise(luck.by_luck))
    if not luck.contrasts:
        return [
            "Whether the order holds beyond the luckiest run takes two random searches with four draws of settings and "
            "seeds in common, or more.",
            *lines,
        ]
    return [_head(luck, steps), *_uneven(luck), *lines]


def _head(luck: Luck, steps: Sequence[tuple[Curve, Curve]]) -> str:
    order = f"{luck.by_luck[0].label} ({percent(luck.by_luck[0].best)})"
    for upper, lower in steps:
        order += f" {'>' if upper.best > lower.best else '='} {lower.label} ({percent(lower.best)})"
    holds, turned, undecided = [], [], []
    for upper, lower in steps:
        contrast = luck.contrast(upper, lower)
        if contrast is not None and contrast.above().any():
            holds.append(f"{upper.label} > {lower.label} holds ({_at(contrast.above())})")
        elif contrast is not None and contrast.below().any():
            turned.append(f"it is {lower.label} > {upper.label} ({_at(contrast.below())})")
        else:
            undecided.append(f"{upper.label} and {lower.label}")
    said = [", ".join([*holds, *turned])] if holds or turned else []
    said += [f"luck is not ruled out between {', '.join(undecided)}"] if undecided else []
    return f"The order by the luckiest run is {order}. Beyond that run, draw by draw, {'; '.join(said)}."


def _uneven(luck: Luck) -> Sequence[str]:
    """Bests and medians of more draws are not to be compared with those of fewer."""
    counts = [len(curve.row.finished) for curve in luck.by_luck]
    if len(set(counts)) == 1:
        return []
    return [
        f"The searches have {min(counts)} to {max(counts)} runs. More runs have a better luckiest one; only shared "
        "draws compare like with like."
    ]


def _pairs(group: Group, by_luck: Sequence[Curve]) -> Iterator[tuple[Curve, Curve]]:
    """The steps of the order, then each row and its baseline where that is none."""
    steps = list(pairwise(by_luck))
    yield from steps
    for curve in sorted(by_luck, key=lambda curve: group.rows.index(curve.row)):
        baseline = group.baseline_of(curve.row)
        for other in by_luck:
            if other.row is baseline and not {(curve, other), (other, curve)} & set(steps):
                yield curve, other


def _shared(first: Row, second: Row, chance: float) -> Floats:
    """(draws, 2): what both made of the same seed and the same settings; a failure counts as chance."""
    left, values = list(second.finished), []
    for trial in first.finished:
        other = next(
            (other for other in left if _seed(first, trial) == _seed(second, other) and _alike(trial, other)), None
        )
        if other is not None:
            left.remove(other)
            values.append([first.value(trial, chance), second.value(other, chance)])
    return np.array(values)


def _seed(row: Row, trial: TrialRecord) -> object:
    """Its own, or the one that all of its study have."""
    return row.study.science.get("seed") if trial.seed is None else trial.seed


def _alike(one: TrialRecord, other: TrialRecord) -> bool:
    """Pre-training has settings that a search without it doesn't draw."""
    shared = set(one.parameters) & set(other.parameters)
    return all(one.parameters[name] == other.parameters[name] for name in shared)


def _difference(comparison: BestComparison, k: int) -> str:
    difference, margin = comparison.difference[k - 1], comparison.margin[k - 1]
    return f"k={k}: {points(difference, difference - margin, difference + margin)}, {p_value(comparison.p[k - 1])}"


def _word(contrast: Contrast, floor: float) -> str:
    """`floor`: the least p that so many draws can have."""
    if floor >= LEVEL:
        return "too few draws to tell"
    orders = {"A > B": contrast.above(), "B > A": contrast.below()}
    return "; ".join(f"{order} ({_at(ks)})" for order, ks in orders.items() if ks.any()) or "luck not ruled out"


def _at(chosen: NDArray[np.bool_]) -> str:
    """Which k, as in `k = 1-3, 7 of 25`."""
    numbers = np.flatnonzero(chosen) + 1
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    ranges = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"k = {ranges} of {len(chosen)}"
