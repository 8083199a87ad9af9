"""A run whose k-th write fails says so in one line, or does without it; and where writes work again it goes through."""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.table import Row
from benchmarks.faults.tiny import Tiny, differences

CALLS = {  # system call: the errors that it is given
    "write": ("ENOSPC", "EDQUOT", "EIO"),
    "rename": ("ENOSPC", "EIO", "EROFS"),
    "mkdir": ("ENOSPC", "EDQUOT", "EROFS"),
}
MOST = 400  # calls of a kind that a run has at most
N = 60
REVIEWED = {"errors.csv", "dev_places"}  # what a run does without, which a warning says


def writes(n: int | None, folder: Path) -> Iterator[Row]:
    """n: system calls that fail, one a run."""
    what = (
        "a run's k-th write, rename or mkdir fails (ENOSPC, EDQUOT, EIO, EROFS): one line and exit code 2, or it does"
    )
    what += " without; then it goes through as if it hadn't been"
    if shutil.which("strace") is None:
        yield Row(what, 0, 0, "not tried: strace isn't installed here")
        return
    reference = Tiny(folder / "reference")
    assert reference.finish().code == 0
    drawn, tried, met, failed = random.Random(0), 0, 0, list[str]()
    while met < (n or N):
        call = drawn.choice(list(CALLS))
        error, at = drawn.choice(CALLS[call]), int(MOST ** drawn.random())
        hit, problems = failing(reference, folder / "failing", call, error, at)
        tried, met = tried + 1, met + hit
        failed += [f"{error} at {call} {at}: {', '.join(problems)}"] * bool(problems)
        yield Row(what, met, len(failed), "; ".join(failed[:3]))


def failing(reference: Tiny, folder: Path, call: str, error: str, at: int) -> tuple[bool, list[str]]:
    """Whether there was such a call, not of what is only said; and what is wrong then, and after another run."""
    shutil.rmtree(folder, ignore_errors=True)
    place = Tiny(folder)
    process = place.start_struck(-1)
    log = folder / "strace"
    command = [
        "strace",
        "-f",
        "-y",
        "-o",
        str(log),
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:error={error}:when={at}",
    ]
    tracer = subprocess.Popen([*command, "-p", str(process.pid)], stderr=subprocess.DEVNULL)
    end = process.ended()
    tracer.wait(60)
    injected = [line for line in log.read_text().splitlines() if line.endswith("(INJECTED)")]
    if not injected or re.search(r"write\([12]<|eventfd|pipe:|socket:", injected[0]):
        return False, []
    lines = end.errors.splitlines()
    wrong = []
    if end.code == 2:
        wrong += [f"it said {lines}"] * (len(lines) != 1 or not lines[0].startswith("error: "))
    elif end.code == 0:
        differ = differences(place.outcome(), reference.outcome())
        done_without = REVIEWED if "warning: errors.csv" in end.output else set()
        wrong += [f"{name} differs, and nothing was said" for name in differ if name not in done_without]
    else:
        wrong.append(f"it ended by {end.code}: {lines[-1:]}")
    again = place.finish()
    if (again.code, again.errors) != (0, ""):
        return True, [*wrong, f"the next one ended by {again.code}: {again.errors}"]
    return True, wrong + [f"{name} differs" for name in differences(place.outcome(), reference.outcome())]
