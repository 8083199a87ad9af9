"""`python -m benchmarks.suggest DATA…`: labels that `lmao.suggest` saves, in simulated rounds, as a table.

DATA: see benchmarks/small.py. A hundred texts are labelled by chance, then a hundred more a round as each way suggests,
up to 1,000. The classifier is a logistic regression on document vectors; both are measured on the test texts.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.small import CLASSIFIERS, finish, resumed, select, settings_of, spread
from benchmarks.table import Table
from lmao import cli
from lmao.data.document import Part
from lmao.engine.parameters import Floats
from lmao.run.arms import linear
from lmao.run.arms.learned import Line
from lmao.run.context import Context
from lmao.run.stages.encode import Dataset
from lmao.textcat.folds import Labels, Numbers, cut
from lmao.textcat.lsa import DIMS, Lsa, leading
from lmao.textcat.probe import fit_probe
from lmao.textcat.selection import choose, spread_out, unsure
from lmao.vectors.lookup import TypeVectors
from lmao.vectors.texts import document_vectors

ROUND, MOST = 100, 1000
SHOWN = (200, 500, 1000)
Way = Callable[[Floats, Floats, int, int], Numbers]  # scores, features, wanted, seed


@dataclass(frozen=True)
class Pool:
    """vectors (texts, dims) that the classifier gets, features (texts, dims) that tell texts apart, labels (texts,)."""

    vectors: Floats
    features: Floats
    labels: Labels
    test_vectors: Floats
    test_labels: Labels


class Seen(Exception):
    """What a run was stopped for."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool


def by_chance(scores: Floats, features: Floats, wanted: int, seed: int) -> Numbers:
    drawn: Numbers = np.random.default_rng(seed).permutation(len(scores))[:wanted]
    return drawn


def unsure_alone(scores: Floats, features: Floats, wanted: int, seed: int) -> Numbers:
    return unsure(scores)[:wanted]


def unsure_and_unlike(scores: Floats, features: Floats, wanted: int, seed: int) -> Numbers:
    candidates = unsure(scores)[: 10 * wanted]
    return candidates[spread_out(features[candidates].astype(np.float64), wanted, seed)]


def suggested(scores: Floats, features: Floats, wanted: int, seed: int) -> Numbers:
    return choose(scores, features.__getitem__, wanted, seed)


WAYS: Mapping[str, Way] = {
    "by chance": by_chance,
    "the most unsure": unsure_alone,
    "unsure, unlike each other": unsure_and_unlike,
    "lmao.suggest": suggested,
}


def main() -> int:
    parser = cli.Parser(prog="python -m benchmarks.suggest", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="folders with train, dev and test.jsonl.gz")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--runs", type=Path, required=True, help="JSON lines: rounds that it has are not run again")
    options = parser.parse_args()
    pools = {path.name: cache(lambda path=path: pool_of(path)) for path in options.data}

    def measure(data: str, way: str, seed: int) -> dict[str, Any]:
        return {"accuracies": accuracies(pools[data](), WAYS[way], seed)}

    cells = [{"data": data, "way": way} for data, way in product(pools, WAYS)]
    resumed(options.runs, [{**cell, "seed": seed} for seed in range(options.seeds) for cell in cells], measure)
    print(table(options.runs, list(pools)).markdown())
    return 0


def pool_of(data: Path) -> Pool:
    """Of a run that is stopped once it has its vectors, which other runs share."""

    def look(context: Context, dataset: Dataset, vectors: TypeVectors, line: Line) -> None:
        corpus = dataset.texts.corpus
        assert vectors.table is not None
        texts, test = (np.flatnonzero(corpus.parts == part) for part in (Part.TRAIN, Part.TEST))
        words = [corpus.word_ids(int(number)) for number in texts]
        raise Seen(
            Pool(
                document_vectors(dataset.texts, vectors.table, texts), leading(Lsa(words, 0)(words), DIMS[0]),
                corpus.labels[texts], document_vectors(dataset.texts, vectors.table, test), corpus.test_labels()[test],
            )
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder, patch.object(linear, "learn_document_vectors", look):
        try:
            finish(settings_of(data, MOST, 0, *CLASSIFIERS["linear, document"]), Path(folder))
        except Seen as seen:
            return seen.pool
    raise AssertionError("the run had no use for document vectors")


def accuracies(pool: Pool, way: Way, seed: int) -> list[float]:
    """On the test texts, with 100, 200, … labels."""
    known, classes = np.random.default_rng(seed).permutation(len(pool.labels))[:ROUND], int(pool.labels.max()) + 1
    found: list[float] = []
    while True:
        probe = fit_probe(pool.vectors[known], pool.labels[known], classes, cut(pool.labels[known], seed))
        found.append(float((probe.predict(pool.test_vectors).argmax(axis=1) == pool.test_labels).mean()))
        if len(known) == MOST:
            return found
        rest = np.setdiff1d(np.arange(len(pool.labels)), known)
        scores = probe.predict(pool.vectors[rest])
        known = np.concatenate([known, rest[way(scores, pool.features[rest], ROUND, 1000 * seed + len(known))]])


def table(runs: Path, data: list[str]) -> Table:
    rows = []
    for name in data:
        chance = np.array([one["accuracies"] for one in select(runs, {"data": name, "way": "by chance"})])
        wanted = chance[:, -1].mean()
        for way in WAYS:
            found = np.array([one["accuracies"] for one in select(runs, {"data": name, "way": way})])
            reached = found >= wanted
            needed = np.where(reached.any(axis=1), (reached.argmax(axis=1) + 1) * ROUND, MOST)
            shown = [spread((100 * found[:, labels // ROUND - 1]).tolist(), 1) for labels in SHOWN]
            rows.append(
                [name, way, str(len(found)), *shown, spread(needed.tolist(), 0), f"{int(reached.any(axis=1).sum())}"]
            )
    note = (
        f"Accuracy in percent on the test texts; mean ± standard deviation of n seeds, each with {ROUND} first texts "
        f"of its own. Labels needed: for the mean accuracy that {MOST:,} texts by chance give; {MOST:,} where it was "
        "never reached, and the last column says how often it was."
    )
    columns = ["data", "way", "n", *(f"{labels:,} labels" for labels in SHOWN), "labels needed", "reached"]
    return Table("Which texts to label", note, columns, rows)


if __name__ == "__main__":
    sys.exit(main())
