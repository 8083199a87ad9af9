"""The command line: `python -m benchmarks.neighbours VECTORS`."""

import sys
from collections.abc import Sequence

import rich.console
import rich.table
from rich import box

from benchmarks.neighbours.bench import ENOUGH, NEAREST, Measurement, Queries, fastest, measure, noisy_queries
from benchmarks.neighbours.libraries import LIBRARIES, Library
from benchmarks.neighbours.tables import read_table
from lmao import cli
from lmao.stop import StopSignal
from lmao.vectors.nearest import nearest

HEADER = ("library", "effort", "recall@1", "recall@10", "queries/s", "× exact", "build s", "MB", "repaid after")


def main() -> int:
    parser = cli.Parser(
        prog="python -m benchmarks.neighbours", description="Libraries that find a table's nearest rows, side by side."
    )
    parser.add_argument("vectors", help="a table (.txt, .vec or .bin, also .gz), an array (.npy), a spaCy pipeline")
    arguments = parser.parse_args()
    return cli.main(lambda: bench(arguments.vectors))


def bench(vectors: str) -> None:
    """Measure the installed libraries on a table and print a line for each, and the best one for k = 1.

    Raises:
        UserError: the table can't be read.
    """
    console, progress = rich.console.Console(highlight=False), rich.console.Console(stderr=True)
    with progress.status("reading") as status:
        units = read_table(vectors)
        status.update("making queries")
        queries = noisy_queries(units)
        _, truth = nearest(queries.rows, units, NEAREST)
    console.print(_describe(queries, *units.shape), markup=False, soft_wrap=True)
    measured: list[Measurement] = []
    with StopSignal() as stop, Lines(console) as lines:
        for library in (library for library in LIBRARIES if library.installed):
            try:
                with progress.status(library.name):
                    measured.append(measure(library, units, queries.rows, truth))
            except RuntimeError:
                stop.check()  # usearch makes an error of its own of a signal
                raise
            lines.add(_cells(measured[-1], measured[0]))
    for library in LIBRARIES:
        if not library.installed:
            console.print(missing(library), markup=False, soft_wrap=True)
    best = fastest(measured)
    console.print(
        f"best for k = 1: {best.library.name}, the fastest of those that find the nearest row of {ENOUGH:.0%} of the "
        f"queries (recall@1 {best.recall_1:.3f})",
        markup=False,
        soft_wrap=True,
    )


def missing(library: Library) -> str:
    """How an absent library is installed."""
    needs = f" ({library.needs})" if library.needs else ""
    return f"{library.name} is not installed: pip install {library.package}{needs}"


def _describe(queries: Queries, rows: int, dims: int) -> str:
    return (
        f"{rows:,} rows of {dims} dimensions · {len(queries.rows):,} queries: rows plus noise of {queries.noise:.2f} "
        f"standard deviations, mean cosine {queries.cosine:.2f} with their row, the nearest for {queries.own:.0%}"
    )


class Lines:
    """A table for a terminal, shown when it is whole; Markdown for a pipe or a file, line by line."""

    def __init__(self, console: rich.console.Console) -> None:
        self._console = console
        self._table = rich.table.Table(box=box.SIMPLE_HEAD)
        for i, name in enumerate(HEADER):
            self._table.add_column(name, justify="right" if i else "left")

    def __enter__(self) -> "Lines":
        if not self._console.is_terminal:
            self._console.out("")
            self._markdown(HEADER)
            self._markdown(["---"] + ["---:"] * (len(HEADER) - 1))
        return self

    def add(self, cells: Sequence[str]) -> None:
        if self._console.is_terminal:
            self._table.add_row(*cells)
        else:
            self._markdown(cells)

    def __exit__(self, *_: object) -> None:
        self._console.print(self._table if self._console.is_terminal else "")

    def _markdown(self, cells: Sequence[str]) -> None:
        self._console.out("| " + " | ".join(cells) + " |", highlight=False)
        self._console.file.flush()


def _cells(line: Measurement, exact: Measurement) -> Sequence[str]:
    return (
        line.library.name,
        str(line.effort) if len(line.library.efforts) > 1 else "",
        f"{line.recall_1:.3f}",
        f"{line.recall_10:.3f}",
        f"{line.rate:,.0f}",
        f"{line.rate / exact.rate:.1f}",
        f"{line.build_seconds:.1f}",
        f"{line.size / 1e6:,.0f}",
        _repaid(line, exact),
    )


def _repaid(line: Measurement, exact: Measurement) -> str:
    """After how many queries building the index and asking it is faster than the exact search."""
    if line is exact:
        return ""
    saved = 1 / exact.rate - 1 / line.rate
    return f"{line.build_seconds / saved:,.0f}" if saved > 0 else "never"


if __name__ == "__main__":
    sys.exit(main())
