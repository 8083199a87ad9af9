"""What the user sees: a line for each stage, a live bar for the running one, a table at the end. The log gets all."""

import logging
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import rich.console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from lmao.stop import Stopped

NAME_WIDTH = 11
WIDTH = 100
LIVE_SECONDS = 0.1
PLAIN_SECONDS = 10.0

log = logging.getLogger("lmao")


class _Output(rich.console.Console):
    def on_broken_pipe(self) -> None:
        """Nobody reads any more: a stop, where rich would end the process as if by a bug."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where the rest of its buffer goes
        raise Stopped(signal.SIGPIPE) from None


class Stage:
    """A running stage: it counts what is done, and shows it at most ten times a second."""

    def __init__(
        self, console: "Console", name: str, total: float | None, unit: str, before: float, bar: Progress | None
    ) -> None:
        self.text = ""
        self.started = monotonic()
        self._console = console
        self._name = name
        self._total = total
        self._unit = unit
        self._bar = bar
        self._task: TaskID | None = (
            None if bar is None else bar.add_task(f"{name:<{NAME_WIDTH - 1}}", total=total, status="")
        )
        self._before = before
        self._amount = before
        self._shown = self.started

    def advance(self, amount: float, before: float = 0.0, **figures: float) -> None:
        """Count `amount` more units as done, and those that an earlier run did `before`; `figures` are shown beside the
        rate."""
        self._before += before
        self._amount += amount + before
        now = monotonic()
        if now - self._shown < (PLAIN_SECONDS if self._bar is None else LIVE_SECONDS):
            return
        self._shown = now
        self.tell()
        status = self._status(now - self.started, figures)
        if self._bar is None or self._task is None:
            self._console.line(self._name, status)
        else:
            self._bar.update(self._task, completed=self._amount, status=status)

    def tell(self) -> None:
        """To who listens: the stage's name, and how much of it is done where that is known."""
        share = min(1.0, self._amount / self._total) if self._total else None
        self._console.tell(self._name, share)

    def done(self, text: str) -> None:
        """What the finished line says; leaving the `with` block prints it, with the seconds."""
        self.text = text

    def _status(self, seconds: float, figures: dict[str, float]) -> str:
        rate = (self._amount - self._before) / seconds
        parts = [f"{self._amount:,.0f} {self._unit}", f"{rate:,.{0 if rate >= 10 else 1}f} {self._unit}/s"]
        if self._total:
            parts[0] = f"{min(1.0, self._amount / self._total):.0%}"
        parts += [f"{name.replace('_', ' ')} {value:.3g}" for name, value in figures.items()]
        if self._total and rate:
            parts.append(f"{duration(max(0.0, self._total - self._amount) / rate)} left")
        return " · ".join(parts)


class Console:
    """Lines on stdout. A terminal gets wrapped lines and a live bar, a file or a pipe whole lines."""

    def __init__(
        self, output: rich.console.Console | None = None, silent: bool = False,
        tell: Callable[[str, float | None], None] = lambda stage, share: None,
    ) -> None:  # fmt: skip
        """silent: write to the log alone, as in a sweep, which prints its own line for each run. tell: hears of each
        stage as it begins and goes on, and how much of it is done, 0 to 1, where that is known."""
        self.tell = tell
        self._output = output or _Output(highlight=False, quiet=silent)
        self._width = min(WIDTH, self._output.width) if self._output.is_terminal else None

    @contextmanager
    def stage(self, name: str, total: float | None = None, unit: str = "words", before: float = 0.0) -> Iterator[Stage]:
        """Show a stage while the block runs, and its finished line if the block ends well and said `done`.

        An earlier run did `before` of the total; it doesn't count towards the rate.
        """
        if self._width is None:
            stage = Stage(self, name, total, unit, before, None)
            stage.tell()
            yield stage
        else:
            with self._progress() as bar:
                stage = Stage(self, name, total, unit, before, bar)
                stage.tell()
                yield stage
        if stage.text:
            self.line(name, stage.text, monotonic() - stage.started)

    def line(self, name: str, text: str, seconds: float | None = None) -> None:
        """One line under a stage's name, the time right-aligned."""
        time = "" if seconds is None else duration(seconds)
        log.info("%s: %s%s", name, text, f" ({time})" if time else "")
        self._print(self._layout(name, text, time), name)

    def warn(self, text: str) -> None:
        """Something the user should know that doesn't stop the run."""
        log.warning(text)
        lines = self._wrap(f"warning: {text}", 0, 9)
        self._print("\n".join(lines), "warning:", "yellow")

    def summary(self, rows: Sequence[tuple[str, str]]) -> None:
        """A ruled table of names and texts."""
        column = max(len(name) for name, _ in rows) + 2
        self._print("-" * ((self._width or WIDTH) - 1))
        for name, text in rows:
            log.info("%s: %s", name, text)
            first, *rest = self._wrap(text, column, 0)
            self._print("\n".join([f"{name:<{column}}{first}", *(" " * column + line for line in rest)]), name)

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[status]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=self._output,
            transient=True,
        )

    def _layout(self, name: str, text: str, time: str) -> str:
        first, *rest = self._wrap(text, NAME_WIDTH, len(time) + 2 if time else 0)
        head = f"{name:<{NAME_WIDTH}}{first}"
        if time:
            head += "  " + time.rjust((self._width or WIDTH) - 1 - len(head) - 2)
        return "\n".join([head, *(" " * NAME_WIDTH + line for line in rest)])

    def _wrap(self, text: str, left: int, right: int) -> list[str]:
        if self._width is None:
            return [text]
        width = max(20, self._width - 1 - left - right)
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]

    def _print(self, text: str, name: str = "", style: str = "bold") -> None:
        line = Text(text)
        line.stylize(style, 0, len(name))
        self._output.print(line, soft_wrap=True)


def counted(number: int, one: str, more: str | None = None) -> str:
    """1 text, 2,000 texts."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def shortened(text: str, characters: int) -> str:
    """At most so many characters; an ellipsis is the last of them where the text is longer."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def words_counted(words: int) -> str:
    """8,214 words, 1.20 M words."""
    return f"{words:,} words" if words < 10_000 else f"{words / 1e6:.2f} M words"


def duration(seconds: float) -> str:
    """7 s, 1 min 32 s, 2 h 5 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
