"""`python -m benchmarks.accuracy`: objectives and inputs on IMDB with few labels, into results/objectives/."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from benchmarks import grids
from benchmarks.runs import Run
from benchmarks.table import Table

NAME = "objectives"
DATA = ("data=imdb", "data.unsupervised=true", "tracking.keep_models=none")
# As measured, whatever the default recipe has become or the corpus would decide.
TARGET = (
    "vectors@vectors.target=document",
    "vectors.target.epochs=10",
    "vectors.target.min_count=5",
    "vectors.target.threads=2",
)
RECIPE = ("pretrain=document", "pretrain.epochs=1", "pretrain.window_words=50", "pretrain.learn_rate=0.003")
WORDS = (*RECIPE, "pretrain.mask_rate=0.15")  # the same, but words must be masked to be predicted
INPUTS: Mapping[str, Sequence[str]] = {
    "glove": ["vectors=glove"],
    "floret": ["vectors=floret"],
    "document": ["vectors=document", "vectors.epochs=10", "vectors.min_count=5", "vectors.threads=2"],
}
OBJECTIVES: Mapping[str, Sequence[str]] = {
    "none": ["pretrain.epochs=0"],
    "document": ["objective=document", *RECIPE, *TARGET],
    "cosine": ["objective=cosine", *WORDS],
    "interleave": ["objective=document", *RECIPE, "pretrain.mode=interleave", *TARGET],
    "sum": ["objective=sum", *WORDS, *TARGET],
    "contrastive": ["objective=contrastive", *WORDS],
    "vmf": ["objective=vmf", *WORDS],
}
BASELINES: Mapping[str, Sequence[str]] = {
    "ngrams": ["textcat=linear"],
    **{f"mean-{name}": ["textcat=linear", "textcat.features=mean", *own] for name, own in INPUTS.items()},
    "document-vectors": ["textcat=linear", "textcat.features=document", *INPUTS["document"]],
}


def main() -> int:
    parser = grids.parser("accuracy", __doc__, seeds=3)
    parser.add_argument("--glove", required=True, help="GloVe 50-d: text, .gz or glove.6B.zip")
    options = parser.parse_args()
    return grids.main(NAME, studies(options.glove), page, options)


def studies(glove: str) -> dict[str, list[str]]:
    """The settings of each study, by name."""
    found = {name: list(own) for name, own in BASELINES.items()}
    found |= {
        f"{row}-{name}": ["textcat=cnn", *table, *own]
        for name, table in INPUTS.items()
        for row, own in OBJECTIVES.items()
    }
    return {
        name: [*DATA, *own, *([f"vectors.path={glove}"] if "vectors=glove" in own else [])]
        for name, own in found.items()
    }


def page(results: grids.Results, options: argparse.Namespace) -> str:
    columns = [f"{name}, {how}" for name in INPUTS for how in ("probe", "fine-tuned")]
    rows = [[objective, *_cells(objective, results, options.seeds)] for objective in OBJECTIVES]
    plain = [
        [name, grids.accuracies([run.dev_accuracy for run in results[name]], options.seeds)]
        for name in BASELINES
        if name in results
    ]
    note = (
        f"Accuracy on dev in percent, mean ± standard deviation of {options.seeds} seeds, each with its own "
        "labels, weights and orders. Probe: logistic regression on the frozen encoder; fine-tuned: begun from it, for "
        "as many epochs as help on a fifth of the training labels. All objectives have `pretrain=document`; those of "
        "words mask 15% of them. `document`, `sum` and `interleave` predict document vectors, the others the input's "
        "table. Words/s: in pre-training; minutes: of a run with one thread, without encoding and "
        "vectors."
    )
    table = Table("Dev accuracy", note, ["objective", *columns, "words/s", "minutes a run"], rows)
    linear = Table("Linear models on the same labels", "The same seeds.", ["features", "dev"], plain)
    typed = grids.command("accuracy", options, "--glove", Path(options.glove).name)
    return "\n".join([f"# Objectives and inputs on IMDB\n\n    {typed}\n", table.markdown(), linear.markdown()])


def _cells(objective: str, results: grids.Results, seeds: int) -> list[str]:
    """Accuracies for each input, by the probe and fine-tuned; words a second; minutes."""
    cells, runs = [], list[Run]()
    for name in INPUTS:
        found = results.get(f"{objective}-{name}", [])
        probes = [run.probe_dev_accuracy for run in found if run.probe_dev_accuracy is not None]
        cells.append(grids.accuracies(probes, seeds))
        cells.append(grids.accuracies([run.dev_accuracy for run in found], seeds))
        runs += found
    speeds = [run.words / run.pretrain_seconds for run in runs if run.words and run.pretrain_seconds]
    minutes = [run.seconds / 60 for run in runs]
    return [*cells, f"{mean(speeds):,.0f}" if speeds else "", f"{mean(minutes):.1f}" if minutes else ""]


if __name__ == "__main__":
    sys.exit(main())
