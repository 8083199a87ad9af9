"""`python -m benchmarks.epochs`: what epochs of 2018's pre-training do, by input and target, into results/epochs/."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from matplotlib.figure import Figure

from benchmarks import grids
from benchmarks.runs import Run
from benchmarks.table import Table
from lmao.report.plots import STYLES, in_percent, panels_of, titled

NAME = "epochs"
EPOCHS = range(5)
COMMON = ("+experiment=imdb_1k", "pretrain.seed=0", "tracking.keep_models=none")
INPUTS: Mapping[str, tuple[str, Sequence[str]]] = {  # by name: as it is written, its settings
    "glove": ("GloVe predicts GloVe", ["vectors.path={glove}"]),
    "floret": ("GloVe predicts floret", ["vectors.path={glove}", "vectors@vectors.target=floret"]),
    "none": (
        "no static vectors, predicts GloVe",
        ["vectors=none", "vectors@vectors.target=glove", "vectors.target.path={glove}"],
    ),
}
WITHOUT = {"floret": "glove"}  # what has the same encoder as another where nothing is predicted
CLASSIFIERS: Mapping[str, Sequence[str]] = {"tuned": (), "probe": ("textcat=cnn", "textcat.epochs=1")}
PANELS = (  # title, classifier, a run's figure, of how many runs: held-out figures are of the one pre-training
    ("held-out texts: cosine", "tuned", "heldout_cosine", 1),
    ("held-out texts: word@1", "tuned", "heldout_word_accuracy", 1),
    ("probe of the frozen encoder (± sd)", "probe", "probe_dev_accuracy", None),
    ("fine-tuned (± sd)", "tuned", "dev_accuracy", None),
)
NOTE = (
    "On dev, in percent, mean ± standard deviation of {seeds} seeds, each with its own labels, weights and orders; one "
    "pre-training serves them all, of which the held-out figures are. A cosine belongs to its target: those of two "
    "targets don't compare. Probe: logistic regression on the frozen encoder. Fine-tuned: the softmax from 0 and all "
    "of the encoder, at default settings. Without pre-training a target makes no difference."
)


def main() -> int:
    parser = grids.parser("epochs", __doc__, seeds=3)
    parser.add_argument("--glove", required=True, help="GloVe 50-d: text, .gz or glove.6B.zip")
    options = parser.parse_args()
    return grids.main(NAME, studies(options.glove), page, options, picture)


def studies(glove: str) -> dict[str, list[str]]:
    """The settings of each study, by name: input, epochs, classifier."""
    return {
        _study(name, epochs, classifier): [
            *COMMON, *(one.format(glove=glove) for one in own), *fitted, f"pretrain.epochs={epochs}"
        ]
        for name, (_, own) in INPUTS.items()
        for epochs in EPOCHS
        for classifier, fitted in CLASSIFIERS.items()
        if epochs or name not in WITHOUT
    }  # fmt: skip


def page(results: grids.Results, options: argparse.Namespace) -> str:
    rows = [_row(name, epochs, results, options.seeds) for name in INPUTS for epochs in EPOCHS]
    columns = ["input and target", "epochs", "held-out cosine", "word@1", "probe", "fine-tuned"]
    table = Table("By input and target", NOTE.format(seeds=options.seeds), columns, rows)
    typed = grids.command(NAME, options, "--glove", Path(options.glove).name)
    drawn = "![A panel for each of the four figures, a line for each input and target](epochs.svg)\n"
    return "\n".join([f"# What epochs of pre-training do\n\n    {typed}\n", table.markdown(), drawn])


def picture(results: grids.Results) -> Figure:
    """A panel for each figure, a line for each input and target."""
    figure, panels = panels_of(len(PANELS), "IMDB, 1,000 labels: what epochs of pre-training do", columns=2)
    for axes, (title, classifier, figure_of_run, runs) in zip(panels, PANELS, strict=True):
        for (name, (label, _)), style in zip(INPUTS.items(), STYLES, strict=False):
            found = {at: _values(results.get(_study(name, at, classifier), [])[:runs], figure_of_run) for at in EPOCHS}
            drawn = {at: values for at, values in found.items() if values}
            axes.errorbar(
                list(drawn), [mean(values) for values in drawn.values()],
                [stdev(values) if len(values) > 1 else 0.0 for values in drawn.values()],
                label=label, color=style.colour, linestyle=style.line, marker=style.marker, markersize=5, capsize=3,
            )  # fmt: skip
        titled(axes, title)
        axes.set_xlabel("epochs of pre-training")
        axes.set_xticks(EPOCHS)
        in_percent(axes)
    panels[0].set_ylabel("%")
    panels[0].legend(fontsize=9, frameon=False)
    return figure


def _row(name: str, epochs: int, results: grids.Results, seeds: int) -> Sequence[str]:
    tuned, probed = (results.get(_study(name, epochs, classifier), []) for classifier in CLASSIFIERS)
    return [
        INPUTS[name][0],
        str(epochs),
        "".join(f"{value:.3f}" for value in _values(tuned[:1], "heldout_cosine")),
        "".join(f"{100 * value:.1f}" for value in _values(tuned[:1], "heldout_word_accuracy")),
        grids.accuracies(_values(probed, "probe_dev_accuracy"), seeds),
        grids.accuracies(_values(tuned, "dev_accuracy"), seeds),
    ]


def _study(name: str, epochs: int, classifier: str) -> str:
    return f"{name if epochs else WITHOUT.get(name, name)}-{epochs}-{classifier}"


def _values(runs: Sequence[Run], name: str) -> list[float]:
    """What the runs have of a figure, as far as they have it."""
    return [value for run in runs if (value := getattr(run, name)) is not None]


if __name__ == "__main__":
    sys.exit(main())
