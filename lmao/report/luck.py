"""Does the order of the rows hold beyond the luckiest run? Expected best-of-k curves, and what they say in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lmao.report.rows import Row
from lmao.report.statistics import Floats, best_of_k, best_of_k_band
from lmao.report.tables import percent

INDEPENDENT = "random"  # the sampler whose trials are independent draws


@dataclass(frozen=True)
class Curve:
    """Expected best accuracy of k runs, k = 1 .. n / 2, and the band that holds it with 95% confidence."""

    label: str
    best: float
    expected: Floats
    low: Floats
    high: Floats


def curves(rows: Sequence[Row], chance: float) -> Sequence[Curve]:
    """One for each row whose random search has finished two trials or more, not all of them failed."""
    found = []
    for row in rows:
        values = row.values(chance)
        if len(values) < 2 or not row.reached_any or row.study.sampler != INDEPENDENT:
            continue
        most = len(values) // 2
        low, high = best_of_k_band(values)
        found.append(Curve(row.label, values.max(), best_of_k(values)[:most], low[:most], high[:most]))
    return found


def sentences(found: Sequence[Curve], rows: Sequence[Row]) -> Sequence[str]:
    """Whether the order by the luckiest run is that of the curves, at which k, and whether the bands overlap."""
    lines = [
        f"{row.label}: its sampler ({row.study.sampler}) doesn't draw independently, so it has no best-of-k curve; "
        "sweep=random gives one."
        for row in rows
        if row.reached_any and row.study.sampler != INDEPENDENT
    ]
    most = min((len(curve.expected) for curve in found), default=0)
    if len(found) < 2 or most < 2:
        return [
            "Whether the order holds beyond the luckiest run takes two random searches of four runs or more.",
            *lines,
        ]
    by_luck = sorted(found, key=lambda curve: -curve.best)
    by_curve = sorted(found, key=lambda curve: -curve.expected[most - 1])
    luckiest = " > ".join(f"{curve.label} ({percent(curve.best)})" for curve in by_luck)
    pairs = list(pairwise(by_luck))
    holds = all((upper.expected[:most] > lower.expected[:most]).all() for upper, lower in pairs)
    apart = [upper.low[:most] > lower.high[:most] for upper, lower in pairs]
    head = f"The order by the luckiest run is {luckiest}. "
    if holds:
        head += f"It holds beyond that run: the expected best of k runs has the same order at every k from 1 to {most}"
        if all(ks.any() for ks in apart):
            head += f", and the 95% bands are apart at {'every' if all(ks.all() for ks in apart) else 'some'} k."
        else:
            head += ", but the 95% bands overlap, so luck is not ruled out."
    else:
        expected = " > ".join(f"{curve.label} ({percent(curve.expected[most - 1])})" for curve in by_curve)
        head += f"It does not hold at every k: the expected best of {most} gives {expected}."
    return [head, *(_about(upper, lower, most) for upper, lower in pairwise(by_curve)), *lines]


def _about(upper: Curve, lower: Curve, most: int) -> str:
    above = upper.expected[:most] > lower.expected[:most]
    apart = upper.low[:most] > lower.high[:most]
    reach = f"at every k from 1 to {most}" if above.all() else f"at k = {_ranges(above)} of 1 to {most}"
    bands = f"bands are apart at k = {_ranges(apart)}" if apart.any() else "bands overlap at every k"
    return f"{upper.label} is expected above {lower.label} {reach}; their 95% {bands}."


def _ranges(chosen: NDArray[np.bool_]) -> str:
    """Which k, as in `1-3, 7`."""
    numbers = np.flatnonzero(chosen) + 1
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs if len(run))
