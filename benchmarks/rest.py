"""The rest of a run: encoding, the cache, evaluation, and how soon a command answers."""

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.setting import Bench
from benchmarks.table import Table, spread
from lmao.cache import Cache
from lmao.corpus.encoding import encode
from lmao.data.source import open_source
from lmao.encoder.opening import open_encoder
from lmao.engine.initialization import initialize
from lmao.engine.team import Team
from lmao.textcat.classifier import Classifier

ROOT = Path(__file__).parent.parent
REVIEWS = 10_000
COMMANDS = {
    "`python train.py --help`": ["train.py", "--help"],
    "a mistake in a setting, `python train.py pretrain.epoch=2`": ["train.py", "pretrain.epoch=2"],
    "`import lmao`": ["-c", "import lmao"],
    "`import lmao.run.experiment`": ["-c", "import lmao.run.experiment"],
}


def rest(bench: Bench, threads: int, rounds: int) -> Table:
    source = open_source(bench.settings.data, bench.cache.root)
    language = bench.settings.data.language
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("encode", "encode again, from the cache"):
            began = perf_counter()
            corpus, _ = encode(source, language, Cache(Path(folder), print), threads, lambda words: None)
            rows.append([f"{name}: {len(corpus.offsets) - 1:,} reviews", f"{perf_counter() - began:.1f}", "1"])
    rows.append([f"evaluate {REVIEWS:,} reviews", spread(_evaluate(bench, threads, rounds), 1), str(rounds)])
    for name, command in COMMANDS.items():
        seconds = [_answer(command) for _ in range(rounds)]
        rows.append([name, spread(seconds, 2), str(rounds)])
    note = f"{threads} threads; seconds, median (least – greatest)."
    return Table("The rest of a run", note, ["", "seconds", "n"], rows)


def _evaluate(bench: Bench, threads: int, rounds: int) -> list[float]:
    encoder = open_encoder(bench.settings.encoder, bench.vectors.shape[1])
    classifier = Classifier(encoder, bench.types, bench.corpus, 2)
    weights = initialize(classifier.shapes, 0)
    numbers = np.flatnonzero(bench.corpus.labels >= 0)[:REVIEWS]
    seconds = []
    for _ in range(rounds):
        began = perf_counter()
        with Team(threads) as team:
            classifier.predict(weights, numbers, team)
        seconds.append(perf_counter() - began)
    return seconds


def _answer(command: list[str]) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, check=False)
    return perf_counter() - began
