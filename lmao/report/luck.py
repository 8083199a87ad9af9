"""Does the order of the rows hold beyond the luckiest run? Expected best-of-k curves, and what they say in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lmao.report.rows import Row
from lmao.report.tables import percent
from lmao.statistics import Floats, best_of_k, best_of_k_band

INDEPENDENT = "random"  # the sampler whose trials are independent draws


@dataclass(frozen=True)
class Curve:
    """Expected best accuracy of k runs, k = 1 .. n / 2, and the band that holds it with 95% confidence."""

    label: str
    sampler: str
    best: float
    expected: Floats
    low: Floats
    high: Floats

    @property
    def independent(self) -> bool:
        return self.sampler == INDEPENDENT


def curves(rows: Sequence[Row], chance: float) -> Sequence[Curve]:
    """One for each row whose search has finished two trials or more, not all of them failed."""
    found = []
    for row in rows:
        values = row.values(chance)
        if len(values) < 2 or not row.reached_any:
            continue
        most = len(values) // 2
        low, high = best_of_k_band(values)
        curve = Curve(row.label, row.study.sampler, values.max(), best_of_k(values)[:most], low[:most], high[:most])
        found.append(curve)
    return found


def sentences(found: Sequence[Curve]) -> Sequence[str]:
    """Whether the order by the luckiest run is that of the curves, at which k, and whether the bands overlap."""
    independent = [curve for curve in found if curve.independent]
    lines = [
        f"{curve.label}: its sampler ({curve.sampler}) doesn't draw independently, so its best-of-k curve says nothing "
        "about luck; sweep=random draws one that does."
        for curve in found
        if not curve.independent
    ]
    most = min((len(curve.expected) for curve in independent), default=0)
    if len(independent) < 2 or most < 2:
        return [
            "Whether the order holds beyond the luckiest run takes two random searches of four runs or more.",
            *lines,
        ]
    by_luck = sorted(independent, key=lambda curve: -curve.best)
    by_curve = sorted(independent, key=lambda curve: -curve.expected[most - 1])
    luckiest = " > ".join(f"{curve.label} ({percent(curve.best)})" for curve in by_luck)
    pairs = list(pairwise(by_luck))
    holds = all((upper.expected[:most] > lower.expected[:most]).all() for upper, lower in pairs)
    apart = all((upper.low[:most] > lower.high[:most]).any() for upper, lower in pairs)
    head = f"The order by the luckiest run is {luckiest}. "
    if holds:
        head += f"It holds beyond that run: the expected best of k runs has the same order at every k from 1 to {most}"
        head += ", and the bands are apart." if apart else ", but the 95% bands overlap, so luck is not ruled out."
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
