"""`python -m benchmarks.predicted RUN`: IMDB's reviews through a run's `model/`, by `lmao.load` and by stock spaCy.

Of a linear classifier `lmao.load` reads the run: its `model/` has the same n-grams, in layers of spaCy's."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import rich.console
from numpy.typing import NDArray

import lmao
from benchmarks.setting import settings_of
from benchmarks.table import Table, spread
from lmao import cli
from lmao.cache import open_cache
from lmao.data.source import open_source
from lmao.engine.team import available_threads
from lmao.errors import UserError

ALONE = """
import json, os, sys
from time import perf_counter
import spacy
from thinc.api import NumpyOps, set_current_ops
if sys.argv[4] == "OpenBLAS":
    set_current_ops(NumpyOps(use_blis=False))
nlp = spacy.load(sys.argv[1])
texts = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
labels = nlp.get_pipe("textcat").labels
list(nlp.pipe(texts[:20]))
began, used = perf_counter(), sum(os.times()[:4])
scores = [[doc.cats[label] for label in labels] for doc in nlp.pipe(texts, n_process=int(sys.argv[3]))]
print(json.dumps([perf_counter() - began, sum(os.times()[:4]) - used, scores]))
"""


CLOSE, CLOSE_IN_LAYERS = 1e-4, 0.05  # scores; of n-grams, in texts that have white space of their own


@dataclass(frozen=True)
class Measured:
    """seconds: by the clock, and of all processors; scores (texts, labels)."""

    texts: int
    seconds: float
    processor: float
    scores: NDArray[np.float64]


def main() -> int:
    parser = cli.Parser(prog="python -m benchmarks.predicted", description=__doc__)
    parser.add_argument("run", type=Path, help="a run's folder, with its model")
    parser.add_argument("--data", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--stock", type=int, default=500, help="how many of them go through stock spaCy")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    return cli.main(lambda: show(options))


def show(options: argparse.Namespace) -> None:
    model = options.run / "model"
    if not model.is_dir():
        raise UserError(f"{options.run} has no model", advice="name the folder of a finished run")
    try:
        lmao.load(model)
        loaded, close = model, CLOSE
    except UserError:
        loaded, close = options.run, CLOSE_IN_LAYERS
    texts = _texts(options.data, options.reviews)
    table = compare(model, loaded, texts, options.stock, options.rounds, close)
    rich.console.Console().print(table.screen())


def compare(model: Path, loaded: Path, texts: Sequence[str], stock: int, rounds: int, close: float = CLOSE) -> Table:
    """In turn, as often as there are rounds. loaded: what `lmao.load` reads.

    Raises:
        RuntimeError: the scores are not the same.
    """
    threads, some = available_threads(), texts[:stock]
    measured: dict[str, list[Measured]] = {}
    for _ in range(rounds):
        for blas in ("BLIS", "OpenBLAS"):
            for processes in sorted({1, threads}):
                name = f"stock spaCy, {blas}" + f", n_process={processes}" * (processes > 1)
                measured.setdefault(name, []).append(_by_spacy(model, some, processes, blas))
        for number in sorted({1, threads}):
            name = f"lmao, {number} thread{'s' * (number > 1)}"
            measured.setdefault(name, []).append(_by_lmao(loaded, texts, number))
    expected = measured["stock spaCy, BLIS"][0].scores
    difference = max(float(np.abs(one[0].scores[:stock] - expected).max()) for one in measured.values())
    if not difference < close:
        raise RuntimeError(f"the scores differ by {difference:.1e}")
    rows = []
    for name, rounds_of in measured.items():
        rates = [one.texts / one.seconds for one in rounds_of]
        costs = [1000 * one.processor / one.texts for one in rounds_of]
        rows.append([name, f"{rounds_of[0].texts:,}", spread(rates), spread(costs, 1)])
    note = (
        f"{rounds} rounds in turn; median (least – greatest). Loading the model is not counted, all else is: "
        "tokenising, and starting processes. lmao reads the texts in processes of their own, beside its threads. "
        "spaCy as it comes computes with BLIS. "
        f"Scores of the first {stock:,} reviews differ by at most {difference:.0e}."
    )
    columns = ["", "reviews", "reviews a second", "processor seconds for 1,000"]
    return Table("Reviews a second", note, columns, rows)


def _by_lmao(model: Path, texts: Sequence[str], threads: int) -> Measured:
    classifier = lmao.load(model, threads)
    began, used = perf_counter(), sum(os.times()[:4])
    scores = np.concatenate(list(classifier.stream(texts, apart=True)))
    return Measured(len(texts), perf_counter() - began, sum(os.times()[:4]) - used, scores)


def _by_spacy(model: Path, texts: Sequence[str], processes: int, blas: str) -> Measured:
    """In a process that imports no lmao."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "texts.jsonl"
        lines.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        command = [sys.executable, "-I", "-c", ALONE, str(model.resolve()), str(lines), str(processes), blas]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds, processor, scores = json.loads(output)
    return Measured(len(texts), seconds, processor, np.array(scores))


def _texts(data: str | None, count: int) -> list[str]:
    """So many of the labelled reviews, evenly spread."""
    settings = settings_of(data)
    source = open_source(settings.data, open_cache(settings.cache_dir, print).root)
    texts = [document.text for document in source.documents() if document.label is not None]
    return texts[:: max(1, len(texts) // count)][:count]


if __name__ == "__main__":
    sys.exit(main())
