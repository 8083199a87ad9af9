"""`python -m benchmarks.doubt DATA…`: how many planted label errors are among the first rows of doubtful.csv.

DATA: see benchmarks/small.py. Twenty training labels of a thousand are replaced by others, drawn by chance.
"""

import csv
import sys
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.small import CLASSIFIERS, finish, resumed, select, settings_of, spread
from benchmarks.table import Table
from lmao import cli
from lmao.data.document import Source
from lmao.data.source import open_source
from lmao.data.splits import Examples
from lmao.run import experiment
from lmao.run.context import Context
from lmao.run.review import DOUBTFUL
from lmao.run.stages.encode import Dataset, encode_texts

LABELS, PLANTED, FIRST = 1000, 20, (20, 40, 60, 100)


def main() -> int:
    parser = cli.Parser(prog="python -m benchmarks.doubt", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="folders with train, dev and test.jsonl.gz")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--classifiers", nargs="+", default=list(CLASSIFIERS), choices=CLASSIFIERS)
    parser.add_argument("--runs", type=Path, required=True, help="JSON lines: runs that it has are not run again")
    options = parser.parse_args()
    folders = {path.name: path for path in options.data}

    def measure(data: str, classifier: str, seed: int) -> dict[str, Any]:
        return searched(folders[data], classifier, seed)

    cells = [{"data": data, "classifier": name} for data, name in product(folders, options.classifiers)]
    resumed(options.runs, [{**cell, "seed": seed} for seed in range(options.seeds) for cell in cells], measure)
    rows = []
    for cell in cells:
        found = select(options.runs, cell)
        doubted = [spread([one["found"][i] for one in found], 1) for i in range(len(FIRST))]
        rows.append([*cell.values(), str(len(found)), *doubted, ", ".join(str(one["found"][2]) for one in found)])
    note = (
        f"Of {PLANTED} wrong labels in {LABELS:,}, those among the first rows of {DOUBTFUL}: mean ± standard "
        "deviation of n seeds, each with labels and errors of its own."
    )
    columns = ["data", "classifier", "n", *(f"first {first}" for first in FIRST), "first 60, by seed"]
    print(Table("Planted label errors", note, columns, rows).markdown())
    return 0


def searched(data: Path, classifier: str, seed: int) -> dict[str, Any]:
    """A run with planted errors: how many of them are among the first rows."""
    planted: set[int] = set()

    def plant(context: Context, source: Source) -> Dataset:
        """In memory, so that all runs on the same texts share vectors and pre-training."""
        dataset = encode_texts(context, source)
        train, random = dataset.splits.train, np.random.default_rng(seed)
        places = random.permutation(len(train.labels))[:PLANTED]
        labels, classes = train.labels.copy(), len(dataset.texts.corpus.label_names)
        labels[places] = (labels[places] + random.integers(1, classes, size=PLANTED)) % classes
        planted.update(train.documents[places].tolist())
        return replace(dataset, splits=replace(dataset.splits, train=Examples(train.documents, labels)))

    settings = settings_of(data, LABELS, seed, *CLASSIFIERS[classifier])
    with tempfile.TemporaryDirectory() as folder, patch.object(experiment, "encode_texts", plant):
        finish(settings, Path(folder))
        with Path(folder, DOUBTFUL).open(encoding="utf-8-sig", newline="") as file:
            rows = [row["place"] for row in csv.DictReader(file)]
    documents = open_source(settings.data, Path(settings.cache_dir)).documents()
    wrong = {document.place for number, document in enumerate(documents) if number in planted}
    return {"found": [sum(place in wrong for place in rows[:first]) for first in FIRST]}


if __name__ == "__main__":
    sys.exit(main())
