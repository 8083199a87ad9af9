"""What each objective costs beside `cosine`."""

from benchmarks.setting import Bench, settings_of, words_per_second
from benchmarks.speed import BATCHES, DOCUMENTS
from benchmarks.table import Table, spread
from lmao.engine.team import Team

OBJECTIVES = ("cosine", "l2", "vmf", "contrastive", "trigram", "head", "characters", "document", "sum")


def objectives(bench: Bench, data: str | None, threads: int, rounds: int) -> Table:
    steps = bench.batches(DOCUMENTS, BATCHES)
    every = {name: bench.pretraining(settings_of(data, f"objective={name}"), DOCUMENTS) for name in OBJECTIVES}
    speeds: dict[str, list[float]] = {name: [] for name in every}
    for _ in range(rounds):
        for name, pretraining in every.items():
            with Team(threads) as team:
                speeds[name].append(words_per_second(pretraining, team, steps))
    costs = {
        name: [first / own for first, own in zip(speeds["cosine"], found, strict=True)]
        for name, found in speeds.items()
    }
    rows = [[name, spread(found), spread(costs[name], 2)] for name, found in speeds.items()]
    note = (
        f"{threads} threads, {rounds} rounds in turn; median (least – greatest). `head` takes the previous word "
        "for the head. `sum` is `document` and `contrastive`."
    )
    return Table("Cost by objective", note, ["objective", "words/s", "times the cost of cosine"], rows)
