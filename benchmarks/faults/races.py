"""Processes that want the same thing at the same moment."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.sweeps import Swept
from benchmarks.faults.table import Row
from lmao.cache import Cache, Writer
from tests.support.processes import warm

STARTED, ROUNDS, WAITING = 16, 20, 7
RECORD = {"what": "an entry"}


def races(n: int | None, folder: Path) -> Iterator[Row]:
    """n: rounds of each; None: 200 of the cheap one, 20 of the other."""
    failed: list[str] = []
    for number in range(1, (n or 200) + 1):
        failed += waiting(folder / f"lock-{number}")
    yield Row(
        f"the process that makes a cache's entry is killed while {WAITING} wait for it: one of them makes it, and all "
        "read the same", n or 200, len(failed), "; ".join(failed[:3]),
    )  # fmt: skip
    failed = []
    for number in range(1, (n or ROUNDS) + 1):
        failed += at_once(Swept(folder / f"start-{number}", STARTED), STARTED)
        yield Row(
            f"{STARTED} workers start at once where there is neither database nor cache: {STARTED} trials, each once, "
            "and one study's run", number, len(failed), "; ".join(failed[:3]),
        )  # fmt: skip


def at_once(place: Swept, workers: int) -> list[str]:
    """What is wrong after workers started together on nothing."""
    ends = [worker.ended() for worker in [place.worker() for _ in range(workers)]]
    wrong = [f"a worker ended by {end.code}: {end.errors}" for end in ends if end.code or end.errors]
    return wrong + place.wrong()


def waiting(root: Path) -> list[str]:
    """What is wrong after the holder of a lock was killed."""
    root.mkdir(parents=True)
    context = warm()
    processes = [context.Process(target=_make, args=(root, number == 0)) for number in range(1 + WAITING)]
    processes[0].start()
    while not (root / "begun").exists():
        time.sleep(0.001)
    for process in processes[1:]:
        process.start()
    assert processes[0].pid is not None
    while len(list(root.glob("asks-*"))) < WAITING:
        time.sleep(0.001)
    os.kill(processes[0].pid, signal.SIGKILL)
    for process in processes:
        process.join(60)
    codes = [process.exitcode for process in processes]
    made = len(list(root.glob("made-*")))
    left = [path.name for path in (root / "kind").glob(".*")]
    wrong = codes != [-signal.SIGKILL, *[0] * WAITING] or made != 1 or left
    return [f"codes {codes}, made {made} times, left {left}"] * bool(wrong)


def _make(root: Path, holds: bool) -> None:
    """In a process of its own. holds: it never ends by itself."""

    def make(writer: Writer) -> None:
        writer.array("half", np.arange(1000))
        if holds:
            (root / "begun").touch()
            time.sleep(600)
        (root / f"made-{os.getpid()}").touch()
        writer.array("whole", np.arange(1000))

    def warn(line: str) -> None:
        if "damaged" in line:
            raise AssertionError(line)
        (root / f"asks-{os.getpid()}").touch()

    entry: Any = Cache(root, warn).get_or_make("kind", RECORD, make)[0]
    assert (entry.array("whole") == np.arange(1000)).all()
