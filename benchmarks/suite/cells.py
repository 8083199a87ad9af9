"""What is measured, in which order: a set, a number of labels, a seed, and what is trained on that draw."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmao.errors import UserError

AUTO = "auto"
SPACY_CNN = "spaCy CNN"
PEERS = ("TF-IDF + LR", "LSA + LR", "fastText", "spaCy BOW", SPACY_CNN)
LABELS = (20, 100, 1000)
FILED = ("mr", "agnews", "trec", "20ng")  # folders with train, dev and test .jsonl.gz
IMDB = "imdb"
SETS = (*FILED, IMDB)
CALLED = {"mr": "MR", "agnews": "AG News", "trec": "TREC", "20ng": "20 Newsgroups", IMDB: "IMDB"}
IMDB_DEV = 2500  # of 25,000 labelled training reviews: dev chooses nothing here

# What matters most comes first, what takes longest last. 20 labels of 20 Newsgroups, one of each, can't be chosen by.
ORDER = (
    (("mr", "agnews", "trec"), (100, 1000)),
    (("mr", "agnews", "trec"), (20,)),
    (("20ng",), (100, 1000)),
    ((IMDB,), (100, 1000, 20)),
)


@dataclass(frozen=True)
class Cell:
    """One training; model: AUTO, which has figures of all its arms, or a peer."""

    set: str
    labels: int
    seed: int
    model: str

    def __str__(self) -> str:
        return f"{CALLED[self.set]}, {self.labels:,} labels, seed {self.seed}, {self.model}"


def cells(sets: Collection[str], labels: Collection[int], seeds: int, models: Collection[str]) -> list[Cell]:
    """All that are asked for. Of each stretch of `ORDER` the seeds take turns, spaCy's CNN comes after the others."""
    return [
        Cell(name, number, seed, model)
        for of_sets, of_labels in ORDER
        for late in (False, True)
        for seed in range(seeds)
        for name in of_sets
        for number in of_labels
        for model in (AUTO, *PEERS)
        if name in sets and number in labels and model in models and (model == SPACY_CNN) == late
    ]


def settings(cell: Cell, data: Path | None, imdb: str | None) -> Sequence[str]:
    """What `python train.py` is given for the draw. The test file is always named, so that the corpus, and with it what
    the cache has, is the same with and without `evaluate_test`; draws of a set share vectors and pre-training.

    Raises:
        UserError: the set's files aren't there.
    """
    common = (
        f"data.train_examples={cell.labels}", f"seed={cell.seed}", "pretrain.seed=0", "threads=1", "vectors.threads=1",
        "tracking=off", "tracking.keep_models=none",
    )  # fmt: skip
    if cell.set == IMDB:
        path = [] if imdb is None else [f"data.path={imdb}"]
        own = ["data=imdb_unsupervised", "data.draw=stratified", "data.include_test_text=false"]
        return *own, f"data.dev_examples={IMDB_DEV}", *path, *common
    if data is None:
        raise UserError("where are the sets?", advice="give --data, a folder with agnews/train.jsonl.gz and so on")
    files = {part: data / cell.set / f"{part}.jsonl.gz" for part in ("train", "dev", "test")}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise UserError(
            f"there is no {missing[0]}", advice="give --data, a folder with agnews/train.jsonl.gz and so on"
        )
    paths = (f"data.path={files['train']}", f"data.dev_path={files['dev']}", f"data.test_path={files['test']}")
    return "data=files", *paths, *common
