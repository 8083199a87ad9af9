"""`python -m benchmarks.calibration DATA…`: what a run's temperature is worth on test texts, as a table.

DATA: see benchmarks/small.py. "Before" is the same run with its temperature taken away again.
"""

import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax

from benchmarks.small import CLASSIFIERS, finish, resumed, select, settings_of, spread
from benchmarks.table import Table
from lmao import cli
from lmao.run.scores import calibration_error, losses, read_predictions

FIGURES = ("accuracy", "confidence", "calibration_error", "log_loss")


def main() -> int:
    parser = cli.Parser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="folders with train, dev and test.jsonl.gz")
    parser.add_argument("--labels", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--classifiers", nargs="+", default=list(CLASSIFIERS), choices=CLASSIFIERS)
    parser.add_argument("--runs", type=Path, required=True, help="JSON lines: runs that it has are not run again")
    options = parser.parse_args()
    folders = {path.name: path for path in options.data}

    def measure(data: str, labels: int, classifier: str, seed: int) -> dict[str, Any]:
        return compared(folders[data], labels, classifier, seed)

    cells = [
        {"data": data, "labels": labels, "classifier": classifier}
        for data, labels, classifier in product(folders, options.labels, options.classifiers)
    ]
    resumed(options.runs, [{**cell, "seed": seed} for seed in range(options.seeds) for cell in cells], measure)
    print(table(options.runs, cells).markdown())
    return 0


def compared(data: Path, labels: int, classifier: str, seed: int) -> dict[str, Any]:
    """A run's figures on its test texts, without and with its temperature."""
    with tempfile.TemporaryDirectory() as folder:
        result = finish(settings_of(data, labels, seed, *CLASSIFIERS[classifier]), Path(folder))
        saved = read_predictions(Path(folder, "predictions.npz"))
    scores, truth = saved["test_scores"], saved["test_labels"]
    assert result.temperature is not None
    plain = np.exp(log_softmax(np.log(np.maximum(scores, 1e-30)) * result.temperature, axis=1))
    return {"temperature": result.temperature, "before": figures(plain, truth), "after": figures(scores, truth)}


def figures(scores: Any, labels: Any) -> dict[str, float]:
    right = scores.argmax(axis=1) == labels
    found = (right.mean(), scores.max(axis=1).mean(), calibration_error(scores, labels), losses(scores, labels).mean())
    return dict(zip(FIGURES, map(float, found), strict=True))


def table(runs: Path, cells: list[dict[str, Any]]) -> Table:
    rows = []
    for cell in cells:
        found = select(runs, cell)
        row = [*map(str, cell.values()), str(len(found)), spread([one["after"]["accuracy"] for one in found])]
        for figure in FIGURES[1:]:
            row += [spread([one[when][figure] for one in found]) for when in ("before", "after")]
        rows.append([*row, spread([one["temperature"] for one in found], 2)])
    note = "Of test texts; mean ± standard deviation of n seeds, each with labels of its own."
    columns = ["data", "labels", "classifier", "n", "accuracy"]
    for name in ("confidence", "calibration error", "log-loss"):
        columns += [f"{name} before", "after"]
    return Table("Calibration", note, [*columns, "temperature"], rows)


if __name__ == "__main__":
    sys.exit(main())
