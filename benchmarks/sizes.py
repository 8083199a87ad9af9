"""How cost and memory grow with the corpus: each size in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.setting import BATCH_WORDS, open_bench, settings_of
from benchmarks.table import Table, spread
from lmao.config.fields import settled
from lmao.corpus.batches import batches, windows
from lmao.engine.team import Team
from lmao.run.result import peak_rss_mb
from lmao.streams import stream

MILLIONS = (1, 5, 13, 27)
SECONDS = 8.0
ROUNDS = 2


def sizes(data: str | None, threads: int) -> Table:
    measured: dict[int, list[tuple[int, int, float, float]]] = {millions: [] for millions in MILLIONS}
    for _ in range(ROUNDS):
        for millions, results in measured.items():
            results.append(_in_own_process(data, threads, millions))
    rows = []
    for results in measured.values():
        words, texts, seconds, peaks = zip(*results, strict=True)
        rows.append([f"{words[0] / 1e6:.1f}", f"{texts[0]:,}", spread(seconds, 1), spread(peaks)])
    note = (
        f"{threads} threads, {ROUNDS} rounds in turn, each {SECONDS:.0f} s of updates on texts drawn from the whole, "
        "in a process of its own; median (least – greatest). Memory is a process's greatest, with 60 MB of vectors."
    )
    return Table("Cost by corpus size", note, ["M words", "texts", "s a million words", "peak memory, MB"], rows)


def _in_own_process(data: str | None, threads: int, millions: int) -> tuple[int, int, float, float]:
    command = [sys.executable, "-m", "benchmarks.sizes", json.dumps([data, threads, millions])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    words, texts, seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return words, texts, seconds, peak


def measure(data: str | None, threads: int, millions: int) -> tuple[int, int, float, float]:
    """Words, texts, seconds per million words, and MB at the most."""
    bench = open_bench(settings_of(data))
    lengths = np.diff(bench.corpus.offsets)
    mixed = stream(0, "sizes").permutation(len(lengths))
    numbers = np.sort(mixed[: 1 + int(np.searchsorted(np.cumsum(lengths[mixed]), millions * 1e6))][: len(mixed)])
    pretraining = bench.pretraining(bench.settings, numbers)
    texts = windows(
        bench.corpus, stream(0, "order").permutation(numbers), settled(bench.settings.pretrain.window_words)
    )
    steps = batches(texts.lengths, BATCH_WORDS)
    words = 0
    with Team(threads) as team:
        gradients = team.gradients(pretraining.optimizer.weights.flat.size)
        began = perf_counter()
        for number, which in enumerate(steps):
            if perf_counter() - began > SECONDS:
                break
            pretraining.update(texts[which], 1, number, team, gradients)
            words += int(texts.lengths[which].sum())
        seconds = perf_counter() - began
    return int(lengths[numbers].sum()), len(numbers), seconds / words * 1e6, peak_rss_mb()


if __name__ == "__main__":
    print(json.dumps(measure(*json.loads(sys.argv[1]))))
