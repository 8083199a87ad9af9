"""`python -m benchmarks.faults`: kills, races and write errors by the hundred; --write puts the counts in results/."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from benchmarks.faults.folders import folders
from benchmarks.faults.fuzz import fuzz
from benchmarks.faults.kills import kills
from benchmarks.faults.numerics import numerics
from benchmarks.faults.observers import observers
from benchmarks.faults.races import races
from benchmarks.faults.soak import soak
from benchmarks.faults.sweeps import postgres, sweeps
from benchmarks.faults.table import Row, keep
from benchmarks.faults.writes import writes

PARTS: dict[str, Callable[[int | None, Path], Iterator[Row]]] = {  # of how often (None: as often as the page says)
    "kills": kills,
    "sweeps": sweeps,
    "postgres": postgres,
    "races": races,
    "observers": observers,
    "soak": soak,
    "writes": writes,
    "folders": folders,
    "fuzz": fuzz,
    "numerics": numerics,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--n", type=int, help="how often each fault is tried, in place of a part's own number")
    parser.add_argument("--folder", type=Path, help="where the runs are made and left (a temporary one if not given)")
    parser.add_argument("--write", action="store_true", help="put the counts into results/reliability.md")
    options = parser.parse_args()
    failures = 0
    for part in options.parts:
        rows: dict[str, Row] = {}
        began = perf_counter()
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.folder or Path(temporary)
            for found in PARTS[part](options.n, folder):
                row = replace(found, note=found.note.replace(str(folder), "FOLDER"))
                print(f"{part:<10} {row.what}: {row.failures} of {row.n} failed  {row.note}", flush=True)
                rows[row.what] = row  # a part may say how far it is
                if options.write:
                    keep(part, rows.values())
        failures += sum(row.failures for row in rows.values())
        print(f"{part:<10} {perf_counter() - began:.0f} s", flush=True)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
