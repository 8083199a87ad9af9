"""The command line: `python -m lmao.status [STUDY…] [--storage URL] [--watch] [--json]`."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Protocol

import rich.console
import rich.live
from rich.text import Text

from lmao import cli
from lmao.console import duration
from lmao.errors import UserError
from lmao.stop import Stopped
from lmao.sweep.reading import STORAGE, read_studies
from lmao.sweep.standing import Standing, Work, standing

RUNNING, NOBODY = 3, 4  # exit codes, beside 0 and those of every command
SECONDS = 5.0  # between two looks
HEAD = ("trial", "host", "stage", "done", "runs for", "sign of life")


def main() -> int:
    parser = cli.Parser(prog="python -m lmao.status", description="How far studies are, and who is at them.")
    parser.add_argument(
        "studies", nargs="*", metavar="STUDY", help="a name, or a pattern like 'imdb-*'; all by default"
    )
    parser.add_argument("--storage", default=STORAGE, metavar="URL", help=f"Optuna's database, {STORAGE} by default")
    parser.add_argument("--watch", action="store_true", help=f"look again every {SECONDS:.0f} s, until all is done")
    parser.add_argument("--json", action="store_true", help="the same for a script, a line a study")
    parser.epilog = (
        f"Exit code: 0 all done, {RUNNING} trials are missing, {NOBODY} trials are missing and nobody runs any."
    )
    arguments = parser.parse_args()
    found: list[int] = []
    failed = cli.main(
        lambda: found.append(status(arguments.storage, arguments.studies or ["*"], arguments.watch, arguments.json))
    )
    return failed or found[0]


def status(storage: str, patterns: Sequence[str], watch: bool, as_json: bool) -> int:
    """Show how the studies stand, once or until all are done. Returns: the exit code.

    Raises:
        UserError: there is no database, or no such study; not while watching, once it was there.
    """
    states = _look(storage, patterns)
    with _screen(watch and not as_json) as screen:
        while True:
            screen.print(_lines(states, as_json))
            if not watch or _code(states) == 0:
                return _code(states)
            try:
                time.sleep(SECONDS)
                states = _look(storage, patterns)
            except Stopped as stop:  # how one stops watching
                return 128 + stop.signal_number
            except UserError as error:
                print(f"waiting: {error}", file=sys.stderr)


def _look(storage: str, patterns: Sequence[str]) -> Sequence[Standing]:
    now = datetime.now()
    return [standing(study, now) for study in read_studies(storage, *patterns)]


def _code(states: Sequence[Standing]) -> int:
    missing = [one for one in states if not one.done]
    if not missing:
        return 0
    return RUNNING if any(one.at_work for one in missing) else NOBODY


class _Screen(Protocol):
    def print(self, text: str) -> None: ...


class _Live:
    """One place on a terminal, drawn again."""

    def __init__(self, live: rich.live.Live) -> None:
        self._live = live

    def print(self, text: str) -> None:
        self._live.update(Text(text), refresh=True)


class _Plain:
    def print(self, text: str) -> None:
        print(text, flush=True)


@contextmanager
def _screen(again: bool) -> Iterator[_Screen]:
    console = rich.console.Console(highlight=False)
    if again and console.is_terminal:
        with rich.live.Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            yield _Live(live)
    else:
        yield _Plain()


def _lines(states: Sequence[Standing], as_json: bool) -> str:
    if as_json:
        return "\n".join(json.dumps(asdict(one)) for one in states)
    return "\n\n".join("\n".join(_describe(one)) for one in states)


def _describe(one: Standing) -> Iterator[str]:
    counts = [
        f"{number} {name}"
        for name in ("complete", "pruned", "failed", "running", "waiting", "lost")
        if (number := getattr(one, name)) or name == "complete"
    ]
    yield f"{one.study} · {one.finished} of {one.total} done · {', '.join(counts)}"
    pace = [] if one.best is None else [f"best {one.best:.4f} (trial {one.best_trial})"]
    if one.per_hour is not None:
        pace.append(f"{one.per_hour:.{0 if one.per_hour >= 10 else 1}f} trials an hour")
    if not one.done:
        if one.seconds_left is not None:
            pace.append(f"{duration(one.seconds_left)} left")
        elif not one.at_work:
            pace.append("nobody is at work: start a worker with the command that made it")
    if pace:
        yield "  " + " · ".join(pace)
    if one.work:
        yield from _table([HEAD, *map(_row, one.work)])


def _row(work: Work) -> tuple[str, ...]:
    silent = "none yet" if work.silent is None else f"{duration(work.silent)} ago"
    return (
        str(work.trial), work.host or "", work.stage or "begins", "" if work.share is None else f"{work.share:.0%}",
        "" if work.seconds is None else duration(work.seconds), f"lost, {silent}" if work.lost else silent,
    )  # fmt: skip


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()


if __name__ == "__main__":
    sys.exit(main())
