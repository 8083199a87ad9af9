"""The command line: `python -m benchmarks.suite --data suite --imdb aclImdb_v1.tar.gz`. Stop it, start it again."""

import argparse
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.suite import page
from benchmarks.suite.cells import AUTO, LABELS, PEERS, SETS, Cell, cells, settings
from benchmarks.suite.draws import compose_settings, draw
from benchmarks.suite.ours import run_auto
from benchmarks.suite.peers import measure
from benchmarks.suite.records import Record, Records
from lmao import cli
from lmao.console import duration
from lmao.errors import UserError
from lmao.explain import explain
from lmao.files import write_whole
from lmao.paths import ROOT

FOLDER = ROOT / "results" / "suite"


def main() -> int:
    parser = cli.Parser(prog="python -m benchmarks.suite", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with {mr,agnews,trec,20ng}/{train,dev,test}.jsonl.gz")
    parser.add_argument("--imdb", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS, metavar="SET", help=", ".join(SETS))
    parser.add_argument("--labels", nargs="+", type=int, default=LABELS, metavar="N", help="20, 100 or 1000")
    parser.add_argument("--seeds", type=int, default=5, help="draws of labels, 5 by default")
    parser.add_argument("--models", nargs="+", default=(AUTO, *PEERS), choices=(AUTO, *PEERS), metavar="MODEL")
    parser.add_argument("--test", action="store_true", help="the final reading: what has no test figures is run again")
    parser.add_argument("--report", action="store_true", help="run nothing, write the page of what there is")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of runs.jsonl and the page: results/suite")
    options = parser.parse_args()
    return cli.main(lambda: suite(options))


def suite(options: argparse.Namespace) -> None:
    """Measure what is missing, and write the page.

    Raises:
        UserError: a set's files aren't there; or a cell failed, the others were run.
    """
    records, failed = Records(options.folder / "runs.jsonl"), list[str]()
    wanted = cells(options.sets, options.labels, options.seeds, options.models)
    missing = [] if options.report else [cell for cell in wanted if not records.has(cell, options.test)]
    for cell in {cell.set: cell for cell in missing}.values():
        settings(cell, options.data, options.imdb)  # all files are there
    for number, cell in enumerate(missing, start=1):
        began = perf_counter()
        try:
            found = _measure(cell, options)
        except Exception as error:
            line = explain(error)
            if line is None:
                raise
            print(f"{number}/{len(missing)} {cell}: {line}", file=sys.stderr, flush=True)
            failed.append(str(cell))
            continue
        records.add(found)
        took = duration(perf_counter() - began)
        print(f"{number}/{len(missing)} {cell}: dev {found[0].dev_accuracy:.4f} in {took}", flush=True)
        _write(records, options)
    print(_write(records, options))
    if failed:
        raise UserError(f"these failed, for the reasons above: {'; '.join(failed)}")


def _measure(cell: Cell, options: argparse.Namespace) -> list[Record]:
    typed = settings(cell, options.data, options.imdb)
    if cell.model == AUTO:
        return run_auto(cell, typed, options.test)
    return [measure(cell, draw(compose_settings([*typed, f"evaluate_test={str(options.test).lower()}"])))]


def _write(records: Records, options: argparse.Namespace) -> str:
    found = records.read()
    if not found:
        raise UserError("nothing has been measured yet")
    text = page.of(found)
    write_whole(options.folder / "README.md", text)
    return text


if __name__ == "__main__":
    sys.exit(main())
