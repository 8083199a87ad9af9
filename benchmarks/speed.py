"""Ours against stock spaCy's pre-training, round by round on the same texts, and against what the machine can do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from unittest.mock import patch

import numpy as np

from benchmarks.setting import Bench, words_per_second
from benchmarks.stock import TOLERANCE, Stock
from benchmarks.table import Table, spread
from lmao.corpus.batches import Segments
from lmao.engine.device import CPU
from lmao.engine.parameters import Floats
from lmao.engine.team import Team
from lmao.pretrain.loop import Pretraining

BATCHES = 8
REPEATS = 3  # of the batches in a round, on our side
DOCUMENTS = np.arange(200)
SHAPES = [(n, 288, 288) for n in (250, 500, 1000)]  # rows, inputs, units: products of a reference step on two threads


def speed(bench: Bench, threads: Sequence[int], rounds: int) -> Table:
    """Raises RuntimeError where the two sides don't compute the same."""
    steps = bench.batches(DOCUMENTS, BATCHES)
    stock = Stock(bench, steps)
    difference = stock.difference(bench.pretraining(bench.settings, DOCUMENTS))
    if not difference < TOLERANCE:
        raise RuntimeError(
            f"the two sides' losses or gradients differ by {difference:.1e}, allowed are {TOLERANCE:.0e}"
        )
    pretraining = bench.pretraining(bench.settings, DOCUMENTS)
    ours: dict[int, list[float]] = {number: [] for number in threads}
    rates: dict[int, list[float]] = {number: [] for number in threads}
    theirs = []
    for _ in range(rounds):
        theirs.append(stock.words_per_second())
        for number in threads:
            with Team(number) as team:
                ours[number].append(words_per_second(pretraining, team, steps, REPEATS))
                rates[number].append(sgemm(team))
    done, full = flops_a_word(pretraining, steps), full_flops_a_word(pretraining)
    rows = [["stock spaCy", spread(theirs), "1", "", "", ""]]
    for number in threads:
        ratios = [own / other for own, other in zip(ours[number], theirs, strict=True)]
        speed, rate = median(ours[number]), median(rates[number])
        rows.append(
            [
                f"lmao, {number} thread{'s' * (number > 1)}",
                spread(ours[number]),
                spread(ratios, 1),
                f"{rate / 1e9:.0f}",
                f"{speed * done / rate:.0%}",
                f"{speed * full / rate:.0%}",
            ]
        )
    note = (
        f"{rounds} rounds, stock and ours in turn; median (least – greatest). A round is {BATCHES} batches of about "
        f"3,000 words, ours {REPEATS} times. Before: same weights and masks, losses and gradients differ by at most "
        f"{difference:.0e} of the largest number in an array. Products by {CPU.blas()}. One word costs "
        f"{full / 1e6:.2f} MFLOP of products in the whole model, forward and backward; {done / 1e6:.2f} where only "
        "what the masked words depend on is computed, and each distinct type embedded once."
    )
    columns = [
        "",
        "words/s",
        "times stock",
        "SGEMM, GFLOP/s",
        "of it in products done",
        "of it, whole model's products",
    ]
    return Table("Words a second", note, columns, rows)


def sgemm(team: Team) -> float:
    """FLOP/s of products alone, of the shapes of a step, on all threads of the team at once."""

    def work(member: int, matrices: tuple[Floats, ...]) -> None:
        X, W, Y = matrices
        for _ in range(20):
            CPU.product(X, W.T, Y)

    total = seconds = 0.0
    for rows, inputs, units in SHAPES:
        own = [
            tuple(np.ones(shape, dtype=np.float32) for shape in ((rows, inputs), (units, inputs), (rows, units)))
            for _ in range(team.threads)
        ]
        team.map(work, own)
        began = perf_counter()
        team.map(work, own)
        seconds += perf_counter() - began
        total += 20 * team.threads * 2.0 * rows * inputs * units
    return total / seconds


def flops_a_word(pretraining: Pretraining, steps: Sequence[Segments]) -> float:
    """FLOPs a word of the products that are really done, on one thread."""
    with Team(1) as team, _counted() as counts:
        words_per_second(pretraining, team, steps)
    return sum(counts) / (2 * sum(int(step.lengths.sum()) for step in steps))  # once more, to warm up


def full_flops_a_word(pretraining: Pretraining) -> float:
    """FLOPs a word if every word is computed: three products a matrix, forward and for both gradients."""
    shapes = pretraining.shapes
    return sum(3 * 2.0 * np.prod(shape) for name, shape in shapes.items() if name.endswith(".W"))


@contextmanager
def _counted() -> Iterator[list[float]]:
    """FLOPs of each product while it is open."""
    counts: list[float] = []
    multiply = CPU.product

    def counting(A: Floats, B: Floats, out: Floats) -> None:
        counts.append(2.0 * A.shape[0] * A.shape[1] * B.shape[1])
        multiply(A, B, out)

    with patch.object(CPU, "product", counting):
        yield counts
