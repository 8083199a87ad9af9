"""`python -m benchmarks`: measures, shows tables, and writes them into results/speed/, a page a kind of machine."""

import argparse
import platform
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import rich.console

from benchmarks.finetuning import finetuning
from benchmarks.models import models
from benchmarks.objectives import objectives
from benchmarks.rest import rest
from benchmarks.roofline import roofline
from benchmarks.setting import open_bench, settings_of
from benchmarks.sizes import sizes
from benchmarks.speed import speed
from benchmarks.table import Table
from lmao import cli
from lmao.engine.team import available_threads
from lmao.errors import UserError
from lmao.files import write_whole
from lmao.paths import ROOT
from lmao.run.code import commit

PAGES = ROOT / "results" / "speed"
LEVELS = {"X86_V4": "AVX-512", "X86_V3": "AVX2", "ASIMD": "NEON"}  # numpy's names for what it found
TABLES = ("speed", "roofline", "finetuning", "objectives", "models", "sizes", "rest")


def main() -> int:
    parser = cli.Parser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--data", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    parser.add_argument("--threads", type=_positive, nargs="+", default=sorted({1, available_threads()}))
    parser.add_argument("--rounds", type=_positive, default=5)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument(
        "--write", action="store_true", help="write the tables into results/speed/, the page of this kind of machine"
    )
    options = parser.parse_args()
    if options.write and set(options.tables) != set(TABLES):
        parser.error("--write replaces the whole page: leave --tables out")
    console = rich.console.Console()
    began = perf_counter()
    try:
        tables = []
        for table in _measure(options):
            console.print(table.screen(), "")
            tables.append(table)
    except UserError as error:
        cli.print_error(str(error), sys.stderr)
        return 2
    console.print(f"{_hardware()}; {perf_counter() - began:.0f} s")
    if options.write:
        PAGES.mkdir(exist_ok=True)
        write_whole(PAGES / f"{_name()}.md", page(tables, options))
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too few")
    return number


def _measure(options: argparse.Namespace) -> Iterator[Table]:
    bench, most = open_bench(settings_of(options.data)), max(options.threads)
    if "speed" in options.tables:
        yield speed(bench, options.threads, options.rounds)
    if "roofline" in options.tables:
        yield roofline(bench, options.data, options.threads, options.rounds)
    if "finetuning" in options.tables:
        yield finetuning(bench, most, options.rounds)
    if "objectives" in options.tables:
        yield objectives(bench, options.data, most, options.rounds)
    if "models" in options.tables:
        yield models(bench, options.data, most, options.rounds)
    if "sizes" in options.tables:
        yield sizes(options.data, most)
    if "rest" in options.tables:
        yield rest(bench, most, options.rounds)


def page(tables: Sequence[Table], options: argparse.Namespace) -> str:
    head = f"# Speed on {_kind()}\n\nWritten by `{_command(options)}` on {_hardware()}, commit {commit()}.\n"
    return "\n".join([head, *(table.markdown() for table in tables)])


def _command(options: argparse.Namespace) -> str:
    """Without the folder of --data, which is one machine's."""
    data = [] if options.data is None else ["--data", Path(options.data).name]
    numbers = ["--rounds", str(options.rounds), "--threads", *map(str, options.threads)]
    return shlex.join(["python", "-m", "benchmarks", *data, *numbers, "--write"])


def _hardware() -> str:
    return f"{available_threads()} cores of {_kind()}, {platform.system()}, Python {platform.python_version()}"


def _name() -> str:
    return re.sub(r"\W+", "_", _kind().lower().replace("-", ""))


def _kind() -> str:
    """The class of machine, not its name."""
    extensions = np.show_config("dicts")["SIMD Extensions"].get("found", [])
    level = next((name for mark, name in LEVELS.items() if mark in extensions), "")
    return " with ".join(filter(None, [platform.machine(), level]))


if __name__ == "__main__":
    sys.exit(main())
