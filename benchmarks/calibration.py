"""`python -m benchmarks.calibration DATA…`: what a run's temperature is worth on test texts, as a table.

Each DATA is a folder of train.jsonl.gz, dev.jsonl.gz and test.jsonl.gz. "Before" is the same run with its temperature
taken away again.
"""

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import rich.console
from hydra import compose, initialize_config_dir
from scipy.special import log_softmax

from benchmarks.table import Table
from lmao import cli
from lmao.config.validation import validate
from lmao.console import Console
from lmao.paths import CONF
from lmao.run.experiment import run
from lmao.run.scores import calibration_error, losses
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial

SMALL = (
    "vectors=document", "vectors.epochs=10", "vectors.min_count=5", "vectors.threads=1", "objective=whole_document",
    "pretrain=document", "pretrain.window_words=12", "pretrain.learn_rate=0.0015", "pretrain.epochs=2",
    "pretrain.seed=0", "tracking=off", "tracking.keep_models=none", "evaluate_test=true", "threads=1",
)  # fmt: skip
CLASSIFIERS: Mapping[str, Sequence[str]] = {
    "cnn": ["textcat=cnn"],
    **{f"linear, {name}": ["textcat=linear", f"textcat.features={name}"] for name in ("ngrams", "lsa", "document")},
    "auto": ["textcat=auto"],
}
FIGURES = ("accuracy", "confidence", "calibration_error", "log_loss")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="folders with train, dev and test.jsonl.gz")
    parser.add_argument("--labels", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--classifiers", nargs="+", default=list(CLASSIFIERS), choices=CLASSIFIERS)
    parser.add_argument("--runs", type=Path, required=True, help="JSON lines: runs that it has are not run again")
    options = parser.parse_args()
    cells = list(product(options.data, options.labels, options.classifiers))
    for seed, (data, labels, classifier) in product(range(options.seeds), cells):
        if not any(_is(one, data, labels, classifier, seed) for one in _read(options.runs)):
            found = measure(data, labels, classifier, seed)
            with options.runs.open("a", encoding="utf-8") as file:
                print(json.dumps(found), file=file, flush=True)
    print(table(options.runs, cells, options.seeds).markdown())
    return 0


def measure(data: Path, labels: int, classifier: str, seed: int) -> dict[str, Any]:
    """A run's figures on its test texts, without and with its temperature."""
    paths = [f"data.{key}={data / f'{part}.jsonl.gz'}" for key, part in
             (("path", "train"), ("dev_path", "dev"), ("test_path", "test"))]  # fmt: skip
    own = [*CLASSIFIERS[classifier], f"data.train_examples={labels}", f"seed={seed}"]
    with initialize_config_dir(config_dir=str(CONF)):
        settings = validate(cli.plain(compose("config", ["data=files", *paths, *SMALL, *own])))
    with tempfile.TemporaryDirectory() as folder, StopSignal() as stop:
        console = Console(rich.console.Console(file=io.StringIO()))
        result = run(settings, Path(folder), console, stop, NoTrial(), NullStore())
        with np.load(Path(folder, "predictions.npz")) as saved:
            scores, truth = saved["test_scores"], saved["test_labels"]
    assert result.temperature is not None
    plain = np.exp(log_softmax(np.log(np.maximum(scores, 1e-30)) * result.temperature, axis=1))
    return {
        "data": data.name, "labels": labels, "classifier": classifier, "seed": seed, "temperature": result.temperature,
        "before": figures(plain, truth), "after": figures(scores, truth),
    }  # fmt: skip


def figures(scores: Any, labels: Any) -> dict[str, float]:
    right = scores.argmax(axis=1) == labels
    found = (right.mean(), scores.max(axis=1).mean(), calibration_error(scores, labels), losses(scores, labels).mean())
    return dict(zip(FIGURES, map(float, found), strict=True))


def table(runs: Path, cells: Sequence[tuple[Path, int, str]], seeds: int) -> Table:
    rows = []
    for data, labels, classifier in cells:
        found = [one for one in _read(runs) if any(_is(one, data, labels, classifier, seed) for seed in range(seeds))]
        row = [data.name, f"{labels:,}", classifier, _spread([one["after"]["accuracy"] for one in found])]
        for figure in FIGURES[1:]:
            row += [_spread([one[when][figure] for one in found]) for when in ("before", "after")]
        rows.append([*row, _spread([one["temperature"] for one in found], 2)])
    note = f"Mean ± standard deviation of {seeds} seeds, each with labels of its own; test texts alone."
    columns = ["data", "labels", "classifier", "accuracy"]
    for figure in ("confidence", "calibration error", "log-loss"):
        columns += [f"{figure} before", "after"]
    return Table("Calibration", note, [*columns, "temperature"], rows)


def _is(one: Mapping[str, Any], data: Path, labels: int, classifier: str, seed: int) -> bool:
    return [one[key] for key in ("data", "labels", "classifier", "seed")] == [data.name, labels, classifier, seed]


def _read(runs: Path) -> Iterator[dict[str, Any]]:
    if runs.exists():
        yield from map(json.loads, runs.read_text(encoding="utf-8").splitlines())


def _spread(values: Sequence[float], digits: int = 3) -> str:
    return f"{mean(values):.{digits}f}" + (f" ± {stdev(values):.{digits}f}" if len(values) > 1 else "")


if __name__ == "__main__":
    sys.exit(main())
