"""How cost grows with the model."""

from statistics import median

from benchmarks.setting import Bench, settings_of, words_per_second
from benchmarks.speed import BATCHES, DOCUMENTS, full_flops_a_word
from benchmarks.table import Table, spread
from lmao.engine.team import Team

WIDTHS = (96, 128, 256)
DEPTHS = (4, 8)


def models(bench: Bench, data: str | None, threads: int, rounds: int) -> Table:
    steps = bench.batches(DOCUMENTS, BATCHES)
    every = {
        (width, depth): bench.pretraining(
            settings_of(data, f"encoder.width={width}", f"encoder.depth={depth}"), DOCUMENTS
        )
        for width in WIDTHS
        for depth in DEPTHS
    }
    speeds: dict[tuple[int, int], list[float]] = {model: [] for model in every}
    for _ in range(rounds):
        for model, pretraining in every.items():
            with Team(threads) as team:
                speeds[model].append(words_per_second(pretraining, team, steps))
    first = median(speeds[WIDTHS[0], DEPTHS[0]])
    rows = [
        [
            str(width),
            str(depth),
            f"{pretraining.optimizer.weights.flat.size:,}",
            f"{full_flops_a_word(pretraining) / 1e6:.1f}",
            spread(speeds[width, depth]),
            f"{first / median(speeds[width, depth]):.1f}",
        ]
        for (width, depth), pretraining in every.items()
    ]
    note = f"{threads} threads, {rounds} rounds in turn; median (least – greatest). Numbers include the head's."
    columns = ["width", "depth", "numbers", "MFLOP a word, whole model", "words/s", "times the cost of the first"]
    return Table("Cost by model size", note, columns, rows)
