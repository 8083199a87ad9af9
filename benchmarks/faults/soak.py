"""One worker runs hundreds of trials: its memory, its open files and its seconds a trial stay what they were."""

import os
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.faults.sweeps import STUDY, Swept, seconds_of
from benchmarks.faults.table import Row
from tests.support.processes import RunningProcess

N = 500
PART = 5  # the first and the last fifth are compared
MORE = {"MB": 30.0, "open files": 2.0, "seconds a trial": 0.25}  # than at first, on the average; of seconds a share


@dataclass(frozen=True)
class Sample:
    """trials: how many folders there were, the one that is made among them; seconds: of work of the process's own."""

    trials: int
    megabytes: float
    files: int
    seconds: float


def soak(n: int | None, folder: Path) -> Iterator[Row]:
    """n: trials; 500 if None."""
    place = Swept(folder / "soak", n or N)
    worker = place.worker()
    samples = list(_watched(worker, place.folder / "multirun" / STUDY))
    end = worker.ended()
    wrong = [f"it ended by {end.code}: {end.errors}"] * bool(end.code or end.errors) + place.wrong()
    first, last = _ends(samples, place.n)
    for what, more in MORE.items():
        allowed = first[what] * (1 + more) if what == "seconds a trial" else first[what] + more
        wrong += [f"more {what}"] * (last[what] > allowed)
    figures = [f"{what} {first[what]:.3g}, then {last[what]:.3g}" for what in MORE]
    yield Row(
        "trials of one worker: memory, open files and seconds of work a trial of the last fifth are those of the first",
        place.n, len(wrong), "; ".join([*figures, *wrong[:3]]),
    )  # fmt: skip


def _watched(worker: RunningProcess, folder: Path) -> Iterator[Sample]:
    """Samples of a worker for as long as it runs."""
    page = resource.getpagesize()
    while worker.runs():
        time.sleep(0.5)
        process = Path(f"/proc/{worker.pid}")
        try:
            pages = int((process / "statm").read_text().split()[1])
            files, seconds = len(os.listdir(process / "fd")), seconds_of(worker.pid)
        except (FileNotFoundError, ProcessLookupError, IndexError):  # it has ended
            return
        trials = len(list(folder.glob("[0-9]*")))
        yield Sample(trials, pages * page / 1e6, files, seconds)


def _ends(samples: Sequence[Sample], n: int) -> tuple[dict[str, float], dict[str, float]]:
    """Means over the first fifth of the trials, but for the very first ones, and over the last."""
    length = n // PART
    first = [sample for sample in samples if length // 4 < sample.trials <= length]
    last = [sample for sample in samples if sample.trials > n - length]
    return _means(first), _means(last)


def _means(samples: Sequence[Sample]) -> dict[str, float]:
    done = max(1, samples[-1].trials - samples[0].trials)
    return {
        "MB": mean(sample.megabytes for sample in samples),
        "open files": mean(sample.files for sample in samples),
        "seconds a trial": (samples[-1].seconds - samples[0].seconds) / done,
    }
