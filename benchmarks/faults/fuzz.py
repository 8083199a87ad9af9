"""Every reader of files, settings and command lines, given what nobody should write: it ends well, or with one line.

Ends well: with a result, or an error that `lmao.explain` has a line for. Of a cache or a run's folder that was damaged
the result must be that of the whole one. Each reader has a process of its own, with a limit on memory and one on time.
"""

import multiprocessing
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.faults.inputs import Case
from benchmarks.faults.judging import MEMORY, SECONDS, TooLong, what_is_wrong
from benchmarks.faults.reader import Reader
from benchmarks.faults.readers import READERS
from benchmarks.faults.table import Row

N = 20_000
SHOWN = 5  # failures whose inputs are kept


def fuzz(n: int | None, folder: Path) -> Iterator[Row]:
    """A row for each reader; what failed is kept in the folder. n: of each at most."""
    for name, reader in READERS.items():
        tries, failures, note = tried(name, min(n or N, reader.n or N), folder / name)
        yield Row(reader.what, tries, failures, note)


def tried(name: str, n: int, folder: Path) -> tuple[int, int, str]:
    """How many inputs a reader had, how many it failed with, and a note: the first failures, or the longest time."""
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_in_process, args=(name, n, folder, sender))
    process.start()
    sender.close()
    try:
        found: tuple[int, int, str] = receiver.recv()
    except EOFError:
        process.join()
        found = 1, 1, f"the process ended with {process.exitcode}: {(folder / 'last').read_text()}"
    process.join()
    return found


def _in_process(name: str, n: int, folder: Path, sender: Any) -> None:
    signal.signal(signal.SIGPROF, _too_long)
    sender.send(_tried(READERS[name], n, folder))


def _tried(reader: Reader, n: int, folder: Path) -> tuple[int, int, str]:
    failures: dict[str, Case] = {}
    tries = failed = refused = 0
    longest = 0.0
    with reader.opened(folder) as (cases, read):
        _limit_memory()

        @settings(
            max_examples=n, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(cases)
        def trial(case: Case) -> None:
            nonlocal tries, failed, refused, longest
            tries += 1
            (folder / "last").write_text(ascii(case)[:10_000])
            began = process_time()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                read(case)
            except (Exception, TooLong) as error:
                signal.setitimer(signal.ITIMER_PROF, 0)
                wrong = what_is_wrong(error)
                refused += wrong is None
                if wrong is not None:
                    failed += 1
                    failures.setdefault(wrong, case)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            longest = max(longest, process_time() - began)

        trial()
    for number, (wrong, case) in enumerate(list(failures.items())[:SHOWN]):
        (folder / f"failure{number}").write_text(f"{wrong}\n{case!r}\n", encoding="utf-8", errors="backslashreplace")
    note = "; ".join(list(failures)[:SHOWN]) or f"{refused:,} refused; at most {longest:.1f} s"
    return tries, failed, note


def _limit_memory() -> None:
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        now = int(statistics.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong


if __name__ == "__main__":  # one reader by hand: python -m benchmarks.faults.fuzz tables 1000 folder
    print(tried(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
