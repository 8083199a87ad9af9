"""What a reader is that is fuzzed, and how its input comes to a file."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from hypothesis.strategies import SearchStrategy

from benchmarks.faults.inputs import Case

Read = Callable[[Case], object]
Opened = AbstractContextManager[tuple[SearchStrategy[Case], Read]]


@dataclass(frozen=True)
class Reader:
    """what: as a page says it; n: how many inputs by hand, None for as many as usual."""

    what: str
    opened: Callable[[Path], Opened]  # cases, and what reads one; the folder is its own
    n: int | None = None


def written(folder: Path, case: Case) -> Path:
    path = folder / case.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case.content)
    return path
