"""The command line: `python -m lmao.report [PATTERN] [--storage URL] [--output FOLDER]`."""

import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import rich.console
from matplotlib.figure import Figure

from lmao import cli
from lmao.database import scheme, sqlite_file
from lmao.errors import UserError
from lmao.files import write_whole
from lmao.passwords import without_passwords
from lmao.pictures import attempt
from lmao.report.description import Block, Description, describe, markdown
from lmao.report.epoch_plot import epochs
from lmao.report.page import page
from lmao.report.plots import FORMATS, best_of_k, history, save
from lmao.report.rows import Group, arrange
from lmao.report.runs import all_runs
from lmao.report.setting_plots import boundary, isolation
from lmao.report.tables import Table
from lmao.sweep.reading import STORAGE, read_studies

# By the names of their files. A plot is made of a group and its description, unless it has nothing to show.
PLOTS: Mapping[str, Callable[[Group, Description], Figure | None]] = {
    "best_of_k": best_of_k,
    "history": history,
    "epochs": epochs,
    "isolation": isolation,
    "boundary": boundary,
}


def main() -> int:
    parser = cli.Parser(prog="python -m lmao.report", description="Tables and plots of studies.")
    parser.add_argument("pattern", nargs="?", default="*", help="of study names, like 'imdb-*'; all of them by default")
    parser.add_argument("--storage", default=STORAGE, metavar="URL", help=f"Optuna's database, {STORAGE} by default")
    parser.add_argument("--output", default=Path("report"), type=Path, metavar="FOLDER", help="report/ by default")
    arguments = parser.parse_args()
    return cli.main(lambda: report(arguments.pattern, arguments.storage, arguments.output))


def report(pattern: str, storage: str, output: Path) -> None:
    """Write runs.csv, table.md, report.html and the plots into `output`, and show the tables.

    Raises:
        UserError: there is no database, no such study, or `output` is a file.
    """
    studies = read_studies(storage, pattern)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"--output {output} is a file", advice="name a folder") from None
    groups = arrange(studies)
    blocks: list[Block] = []
    plots: list[Path] = []
    for group in groups:
        prefix = f"{_slug(group.title)}-" if len(groups) > 1 else ""
        description = describe(group, _command(pattern, storage), prefix)
        drawn: list[Path] = []
        for name, draw in PLOTS.items():
            save_plot = partial(_save, draw, group, description, output, f"{prefix}{name}")
            drawn += attempt(save_plot, f"{prefix}{name}", _warn) or []
        blocks += description.showing([path.name for path in drawn if path.suffix == ".png"])
        plots += drawn
    text = "\n\n".join(map(markdown, blocks)) + "\n"
    pictures = {path.with_suffix(".png").name: path.read_bytes() for path in plots if path.suffix == ".svg"}
    files = {
        output / "table.md": text,
        output / "report.html": page(f"lmao: {', '.join(group.title for group in groups)}", text, pictures),
        output / "runs.csv": all_runs(studies).to_csv(index=False),
    }
    for path, content in files.items():
        write_whole(path, content)
    _show(blocks, [*files, *plots])


def _save(
    draw: Callable[[Group, Description], Figure | None],
    group: Group,
    description: Description,
    folder: Path,
    name: str,
) -> Sequence[Path]:
    figure = draw(group, description)
    if figure is not None:
        return save(figure, folder, name)
    for kind in FORMATS:  # of an earlier report on other studies
        (folder / f"{name}.{kind}").unlink(missing_ok=True)
    return []


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)


def _command(pattern: str, storage: str) -> str:
    """The command, without what belongs to one machine: a folder, a password."""
    file = sqlite_file(storage) if scheme(storage) == "sqlite" else None
    database = f"sqlite:///{file.name}" if file else without_passwords(storage)
    options = ["--storage", database] if storage != STORAGE else []
    return shlex.join(["python", "-m", "lmao.report", *([] if pattern == "*" else [pattern]), *options])


def _slug(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", title).strip("-")


def _show(blocks: Sequence[Block], written: Sequence[Path]) -> None:
    """Tables for a terminal; the Markdown itself for a pipe or a file."""
    console = rich.console.Console(highlight=False)
    for block in blocks:
        if not console.is_terminal:
            console.out(markdown(block), end="\n\n", highlight=False)
        elif isinstance(block, Table):
            console.print(block.screen())
        elif not block.startswith("!["):
            console.print(block, markup=False, end="\n\n")
    console.out("written: " + " ".join(map(str, written)), highlight=False)


if __name__ == "__main__":
    sys.exit(main())
