"""The libraries side by side on one table: unit rows come in, a line for each library goes out.

A query is a row plus Gaussian noise with the covariance of the table's rows, so much of it that the row is the nearest
for `OWN_NEAREST` of the queries: a prediction of a masked word lies off the rows too, towards their mean. Each library
gets the least effort at which it finds the nearest row for `ENOUGH` of the queries. Seconds are those of the processor
on one thread, which other work on the machine changes less than those of the clock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.neighbours.libraries import Found, Index, Library
from lmao.engine.parameters import Floats
from lmao.streams import stream
from lmao.vectors.nearest import nearest

QUERIES = 2000
NEAREST = 10
OWN_NEAREST = 0.5
ENOUGH = 0.95
SEED = 0
SAMPLE = 4096  # rows whose covariance the noise has
HALVINGS = 8  # of the interval in which the amount of noise is looked for
MOST_NOISE = 8.0  # its upper end, in standard deviations of the rows
ROUNDS = 3  # the fastest counts
SAME = 1e-5  # cosines this near count as equal: those of equal rows differ by less


@dataclass(frozen=True)
class Queries:
    """rows (n, dims), unit; noise: standard deviations of the table's rows; cosine: the mean with the row they are
    made from; own: how often that one is the nearest."""

    rows: Floats
    noise: float
    cosine: float
    own: float


@dataclass(frozen=True)
class Measurement:
    """Recalls are shares of what the exact search finds; rate: queries with k = 1 a second; size: bytes, saved."""

    library: Library
    effort: int
    recall_1: float
    recall_10: float
    rate: float
    build_seconds: float
    size: int


def noisy_queries(units: Floats) -> Queries:
    """From rows drawn alike; the amount of noise is found by halving an interval."""
    generator = stream(SEED, "neighbours bench")
    chosen = generator.integers(len(units), size=QUERIES)
    sample = units[generator.permutation(len(units))[:SAMPLE]]
    spread = (sample - sample.mean(axis=0)) / np.sqrt(np.float32(len(sample)))
    noise = generator.standard_normal((QUERIES, len(sample)), dtype=np.float32) @ spread
    least, most = 0.0, MOST_NOISE
    for _ in range(HALVINGS):
        amount = (least + most) / 2
        queries = _noisy(units[chosen], noise, amount)
        own = _similarity(queries, units[chosen]) >= nearest(queries, units)[1][:, 0] - SAME
        least, most = (amount, most) if own.mean() > OWN_NEAREST else (least, amount)
    return Queries(queries, amount, float(_similarity(queries, units[chosen]).mean()), float(own.mean()))


def _noisy(rows: Floats, noise: Floats, amount: float) -> Floats:
    queries = rows + np.float32(amount) * noise
    unit: Floats = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    return unit


def _similarity(queries: Floats, rows: Floats) -> Floats:
    cosines: Floats = np.einsum("ij,ij->i", queries, rows)
    return cosines


def measure(library: Library, units: Floats, queries: Floats, truth: Floats) -> Measurement:
    """truth (n, k): the cosines that the exact search finds, the best first."""
    k = truth.shape[1]
    with threadpool_limits(limits=1):
        build_seconds, index = _timed(lambda: library.build(units))
        effort = _least_effort(library, index, units, queries, truth)
        seconds = min(_timed(lambda: index.nearest(queries, 1, effort))[0] for _ in range(ROUNDS))
        found = index.nearest(queries, k, effort)
    return Measurement(
        library=library,
        effort=effort,
        recall_1=recall(index.nearest(queries, 1, effort), units, queries, truth[:, :1]),
        recall_10=recall(found, units, queries, truth),
        rate=len(queries) / max(seconds, 1e-9),
        build_seconds=build_seconds,
        size=index.size(),
    )


def _least_effort(library: Library, index: Index, units: Floats, queries: Floats, truth: Floats) -> int:
    """The first that is enough, or the last."""
    for effort in library.efforts:
        if recall(index.nearest(queries, 1, effort), units, queries, truth[:, :1]) >= ENOUGH:
            break
    return effort


def recall(found: Found, units: Floats, queries: Floats, truth: Floats) -> float:
    """Share of the found rows (n, k) that are as near as the k-th nearest: rows that tie are equally good."""
    rows, _ = found
    cosines = np.einsum("ij,ikj->ik", queries, units[rows])
    return float(((cosines >= truth[:, -1:] - SAME) & (rows >= 0)).mean())


def _timed(work: Callable[[], Index | Found]) -> tuple[float, Any]:
    began = process_time()
    result = work()
    return process_time() - began, result


def fastest(measured: Sequence[Measurement]) -> Measurement:
    """The fastest of those that find enough; the exact search is always one of them."""
    return max((m for m in measured if m.recall_1 >= ENOUGH), key=lambda m: m.rate)
