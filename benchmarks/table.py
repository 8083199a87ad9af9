"""A table of results, for the screen and for README.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import rich.table


@dataclass(frozen=True)
class Table:
    title: str
    note: str  # what was measured, how often
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.note, "", _line(self.columns), _line(["---"] * len(self.columns))]
        return "\n".join(lines + [_line(row) for row in self.rows]) + "\n"

    def screen(self) -> rich.table.Table:
        table = rich.table.Table(*self.columns, title=self.title, caption=self.note, title_justify="left")
        for row in self.rows:
            table.add_row(*row)
        return table


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median, with the least and the greatest."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} – {max(values):,.{digits}f})"
