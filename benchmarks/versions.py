"""Two commits of this repository side by side: whole runs in turn, each with a cache of its own, by stage.

python -m benchmarks.versions BEFORE [AFTER] [--rounds 5] -- SETTINGS
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.table import Table, spread
from lmao import cli
from lmao.paths import ROOT

FIGURES = {"peak memory, MB": "peak_rss_mb", "dev accuracy": "dev_accuracy"}  # beside the seconds


def main() -> None:
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    parser = cli.Parser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", default="HEAD", help="another, by default the one that is checked out")
    parser.add_argument("--rounds", type=int, default=5, help="seeds, 5 by default")
    given = parser.parse_args(own)
    settings = sys.argv[len(own) + 2 :]
    with tempfile.TemporaryDirectory() as scratch:
        checkouts = [_checkout(commit, Path(scratch, str(n))) for n, commit in enumerate((given.before, given.after))]
        for checkout in checkouts:
            _run(checkout, ["debug=tiny"])  # compiles the kernels
        rounds = [
            [_run(checkout, [*settings, f"seed={seed}"]) for checkout in checkouts] for seed in range(given.rounds)
        ]
    print(_table(rounds, given.before, given.after).markdown())


def _checkout(commit: str, folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", "--shared", "--no-checkout", ROOT, folder], check=True)
    subprocess.run(["git", "-C", folder, "checkout", "--quiet", commit], check=True)
    return folder


def _run(checkout: Path, settings: Sequence[str]) -> Mapping[str, Any]:
    """result.json of a run whose cache is empty."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "train.py", *settings, f"cache_dir={folder}/cache", f"hydra.run.dir={folder}/run"]
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        subprocess.run([*command, "tracking=off"], cwd=checkout, env=environment, stdout=subprocess.DEVNULL, check=True)
        result: Mapping[str, Any] = json.loads(Path(folder, "run", "result.json").read_text(encoding="utf-8"))
    return result


def _table(rounds: Sequence[Sequence[Mapping[str, Any]]], before: str, after: str) -> Table:
    rows = [
        _row(f"{stage}, s", [[run["seconds"][stage] for run in pair] for pair in rounds])
        for stage in rounds[0][0]["seconds"]
    ]
    rows += [_row(name, [[run[key] for run in pair] for pair in rounds]) for name, key in FIGURES.items()]
    note = f"{len(rounds)} seeds, in turn; median (least – greatest), the quotient pair by pair."
    return Table(f"{before} and {after}", note, ["", "before", "after", "before / after"], rows)


def _row(name: str, pairs: Sequence[Sequence[float]]) -> list[str]:
    quotients = [first / second for first, second in pairs if second]
    digits = 3 if name == "dev accuracy" else 1
    cells = [spread([pair[side] for pair in pairs], digits) for side in (0, 1)]
    return [name, *cells, spread(quotients, 2) if quotients else ""]


if __name__ == "__main__":
    main()
