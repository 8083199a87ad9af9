"""A run that is killed at any file operation, and again while it recovers, has the results of one that wasn't."""

import random
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.faults.table import Row
from benchmarks.faults.tiny import Tiny, differences


def kills(n: int | None, folder: Path) -> Iterator[Row]:
    """n: kills of a run by themselves; None: at each of its file operations, in a random order."""
    reference = Tiny(folder / "reference")
    last = reference.operations()
    moments = random.Random(0).sample(range(1, last + 1), last)[: n or last]
    failed: list[str] = []
    for tried, at in enumerate(moments, 1):
        problems = killed_twice(reference, folder / "killed", at)
        failed += [f"at {at}: {', '.join(problems)}"] * bool(problems)
        if tried % 10 == 0 or tried == len(moments):
            yield _row(tried, failed, last)


def _row(tried: int, failed: Sequence[str], last: int) -> Row:
    note = f"each of these twice: the recovery is killed, too; a whole run has {last} such operations"
    return Row(
        "a run is killed at its k-th file operation, its recovery at another, and run again: weights, predictions and "
        "model are those of a run that wasn't killed, bit for bit", tried, len(failed), "; ".join([note, *failed[:3]]),
    )  # fmt: skip


def killed_twice(reference: Tiny, folder: Path, at: int) -> list[str]:
    """What is wrong after a run that was killed at an operation, and its recovery at a random one."""
    shutil.rmtree(folder, ignore_errors=True)
    place = Tiny(folder)
    first = place.struck(at)
    if first.code != -signal.SIGKILL:
        return [f"it wasn't killed: {first}"]
    again = place.struck(random.Random(at).randint(1, at + 1))
    if again.code not in (-signal.SIGKILL, 0):
        return [f"the recovery ended by {again.code}: {again.errors}"]
    end = place.finish()
    if (end.code, end.errors) != (0, ""):
        return [f"the last run ended by {end.code}: {end.errors}"]
    wrong = [f"{name} differs" for name in differences(place.outcome(), reference.outcome())]
    wrong += ["a line says damaged"] * ("damaged" in end.output)
    left = [path for name in ("out", "cache") for path in (folder / name).rglob(".*") if is_left(path)]
    return wrong + [f"left behind: {path.relative_to(folder)}" for path in left]


def is_left(path: Path) -> bool:
    """A hidden file or folder that only a kill leaves."""
    return path.name not in (".hydra", ".lmao")
