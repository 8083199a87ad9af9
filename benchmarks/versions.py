"""Two commits of this repository side by side: whole runs in turn, each with a cache of its own, by stage.

python -m benchmarks.versions BEFORE [AFTER] [--rounds 5] -- SETTINGS

What is not committed is not measured.
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
from lmao.errors import UserError
from lmao.paths import ROOT

FIGURES = {"peak memory, MB": "peak_rss_mb", "dev accuracy": "dev_accuracy"}  # beside the seconds


def main() -> int:
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = cli.Parser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", default="HEAD", help="another, by default the one that is checked out")
    parser.add_argument(
        "--rounds", type=int, default=5, choices=range(1, 41), metavar="N", help="1 to 40, 5 by default"
    )
    given = parser.parse_args(sys.argv[1:end])
    commits = (given.before, given.after)
    return cli.main(lambda: print(versions(commits, given.rounds, sys.argv[end + 1 :]).markdown()))


def versions(commits: Sequence[str], rounds: int, settings: Sequence[str]) -> Table:
    """Raises UserError: there is no such commit, or a run of it fails."""
    with tempfile.TemporaryDirectory() as scratch:
        checkouts = [_checkout(commit, Path(scratch, str(number))) for number, commit in enumerate(commits)]
        for checkout in checkouts:
            _run(checkout, ["debug=tiny"])  # compiles the kernels
        pairs = []
        for seed in range(rounds):
            order = (0, 1) if seed % 2 == 0 else (1, 0)
            runs = {which: _run(checkouts[which], [*settings, f"seed={seed}"]) for which in order}
            pairs.append((runs[0], runs[1]))
    return table(pairs, commits)


def table(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], commits: Sequence[str]) -> Table:
    """pairs: of result.json, before and after."""
    stages = dict.fromkeys(stage for pair in pairs for run in pair for stage in run["seconds"])
    rows = [
        _row(f"{stage}, s", [[run["seconds"].get(stage, 0.0) for run in pair] for pair in pairs]) for stage in stages
    ]
    rows += [_row(name, [[run[key] for run in pair] for pair in pairs]) for name, key in FIGURES.items()]
    note = f"{len(pairs)} seeds, in turn; median (least – greatest), the quotient pair by pair."
    return Table(" and ".join(commits), note, ["", "before", "after", "before / after"], rows)


def _row(name: str, pairs: Sequence[Sequence[float]]) -> list[str]:
    quotients = [first / second for first, second in pairs if second]
    digits = 3 if name == "dev accuracy" else 1
    cells = [spread([pair[side] for pair in pairs], digits) for side in (0, 1)]
    return [name, *cells, spread(quotients, 2) if quotients else ""]


def _checkout(commit: str, folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", "--shared", "--no-checkout", ROOT, folder], check=True)
    done = subprocess.run(["git", "-C", folder, "checkout", "--quiet", commit], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{commit}: {done.stderr.strip()}", advice="name two commits of this repository")
    return folder


def _run(checkout: Path, settings: Sequence[str]) -> Mapping[str, Any]:
    """result.json of a run whose cache is empty, started in this folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(checkout / "train.py"), *settings, "tracking=off"]
        command += [f"cache_dir={folder}/cache", f"hydra.run.dir={folder}/run"]
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"{checkout.name}: {done.stderr.strip().splitlines()[-1]}", setting=" ".join(settings))
        result: Mapping[str, Any] = json.loads(Path(folder, "run", "result.json").read_text(encoding="utf-8"))
    return result


if __name__ == "__main__":
    sys.exit(main())
