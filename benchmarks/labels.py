"""`python -m benchmarks.labels`: the best we know on IMDB's test set, by the number of labels, into results/labels/."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from statistics import mean

from benchmarks import grids
from benchmarks.table import Table

NAME = "labels"
NUMBERS = (100, 500, 1000, 5000)
HEADLINE = 1000  # labels; there test texts are left out, too
EXPERIMENT = ("+experiment=imdb_document", "evaluate_test=true")
TWO_THREADS = ("vectors.threads=2",)  # the studies were begun with it; it changes nothing but the time
LEFT_OUT = ("data.include_test_text=false",)
MODELS: Mapping[str, Sequence[str]] = {
    "n-grams": ["textcat=linear"],
    "document vectors": ["textcat=linear", "textcat.features=document"],
    "CNN": [],
}


def main() -> int:
    options = grids.parser("labels", __doc__, seeds=5).parse_args()
    return grids.main(NAME, studies(), page, options)


def studies() -> dict[str, list[str]]:
    """The settings of each study, by name."""
    found = {}
    for labels in sorted(NUMBERS, key=lambda number: number != HEADLINE):  # what matters most is run first
        for model, own in MODELS.items():
            settings = [*EXPERIMENT, *own, f"data.train_examples={labels}"]
            found[study(model, labels)] = [*settings, *TWO_THREADS]
            if labels == HEADLINE and model != "n-grams":  # which see only labelled texts
                found[study(model, labels, left_out=True)] = [*settings, *LEFT_OUT]
    return found


def study(model: str, labels: int, left_out: bool = False) -> str:
    return f"{model.replace(' ', '-').lower()}-{labels}" + "-without" * left_out


def page(results: grids.Results, options: argparse.Namespace) -> str:
    def cell(model: str, labels: int, left_out: bool = False) -> str:
        found = [run.test_accuracy for run in results.get(study(model, labels, left_out), [])]
        return grids.accuracies([accuracy for accuracy in found if accuracy is not None], options.seeds)

    rows = [[f"{labels:,}", *(cell(model, labels) for model in MODELS)] for labels in NUMBERS]
    without = [cell(model, HEADLINE, left_out=model != "n-grams") for model in MODELS]
    rows.append([f"{HEADLINE:,}, test texts left out", *without])
    note = (
        f"Accuracy in percent on the 25,000 test reviews, mean ± standard deviation of {options.seeds} seeds, each "
        "with labels, an order and dropout of its own. n-grams: `textcat=linear`; document vectors: with "
        "`textcat.features=document`; CNN: `+experiment=imdb_document`. Vectors and CNN are pre-trained on the "
        "test texts, too, except in the last row (n-grams see labelled texts alone: it repeats them); test labels "
        "never are. The CNNs that have the same texts share one pre-training, with `pretrain.seed=0`."
    )
    table = Table("Test accuracy by number of labels", note, ["labels", *MODELS], rows)
    typed = grids.command("labels", options)
    cost = _cost(results)
    return f"# IMDB by the number of labels\n\n    {typed}\n\n{table.markdown()}\n{cost}"


def _cost(results: grids.Results) -> str:
    """A table of the CNN: its size, and the time of each stage."""
    found = results.get(study("CNN", HEADLINE), [])
    if not found or not found[0].words or not found[0].pretrain_seconds:
        return ""
    first, words, minutes = found[0], found[0].words, found[0].pretrain_seconds / 60
    sizes = [run.model_mb for run in found if run.model_mb]
    tuning = mean(run.textcat_seconds for run in found) / 60
    row = {
        "weights": f"{first.parameters:,}",
        "MB, as a spaCy pipeline with its vectors": f"{sizes[0]:.0f}" if sizes else "",
        "M words of pre-training": f"{words / 1e6:.1f}",
        "minutes of pre-training": f"{minutes:.1f}",
        "minutes of probe and fine-tuning, a run": f"{tuning:.1f}",
        "epochs of fine-tuning, by seed": ", ".join(str(run.fine_tuning_epochs) for run in found),
    }
    note = (
        f"With {HEADLINE:,} labels, on {first.threads} thread{'s' * (first.threads > 1)}. The inner split chose the "
        "epochs; 0: the probe stayed."
    )
    return Table("What the CNN takes", note, list(row), [list(row.values())]).markdown()


if __name__ == "__main__":
    sys.exit(main())
