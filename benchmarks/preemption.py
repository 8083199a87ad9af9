"""`python -m benchmarks.preemption`: a run is stopped by SIGTERM at random moments of each stage, and resumed."""

import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import rich.console

from benchmarks.setting import settings_of
from benchmarks.table import Table, spread
from lmao import cli
from lmao.cache import open_cache
from lmao.data.source import open_source
from lmao.files import write_whole
from lmao.paths import ROOT

PAGE = ROOT / "results" / "cluster.md"
ARMS = ("n-grams", "LSA", "document vectors", "self-trained")  # in the order in which the stage `arms` is entered
LABELLED, RAW = 400, 1_000
# train.py, which writes each stage that it enters to a pipe, and when: by a clock that all processes share.
TELLING = """
import os, runpy, sys, time
from contextlib import contextmanager
from lmao.run.context import Context
pipe, timed = int(sys.argv[1]), Context.timed
@contextmanager
def telling(self, stage):
    os.write(pipe, f"{stage} {time.monotonic()}\\n".encode())
    with timed(self, stage):
        yield
Context.timed = telling
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass
class Stages:
    """Which were entered, and when."""

    names: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def enter(self, line: str) -> None:
        name, when = line.split()
        self.names.append(name)
        self.times.append(float(when))

    def visits(self) -> list[str]:
        """With the arms by their names."""
        arms = iter(ARMS)
        return [next(arms) if name == "arms" else name for name in self.names]


class Run:
    """A command that runs."""

    def __init__(self, folder: Path, settings: Sequence[str]) -> None:
        self.stages = Stages()
        self._pipe, end = os.pipe()
        command = [sys.executable, "-c", TELLING, str(end), str(ROOT / "train.py"), *settings]
        environment = {**os.environ, "LMAO_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, pass_fds=[end], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        os.close(end)
        self._lines = self._read()

    def _read(self) -> Iterator[str]:
        with os.fdopen(self._pipe) as file:
            for line in file:
                self.stages.enter(line)
                yield line

    def reach(self, visit: str) -> bool:
        """Whether it has entered a stage, rather than ended before."""
        return any(self.stages.visits()[-1] == visit for _ in self._lines)

    def stop(self) -> tuple[float, int, str]:
        """Send SIGTERM. Returns: seconds to its end, the exit code, the stage that was hit."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait()
        seconds = time.monotonic() - began
        for _ in self._lines:
            pass
        self._close()
        before = [visit for visit, when in zip(self.stages.visits(), self.stages.times, strict=True) if when <= began]
        return seconds, code, before[-1]

    def end(self) -> None:
        for _ in self._lines:
            pass
        assert self._process.stderr is not None
        errors = self._process.stderr.read()
        if self._process.wait():
            raise RuntimeError(errors.decode())
        self._close()

    def _close(self) -> None:
        if self._process.stderr is not None:
            self._process.stderr.close()


def main() -> int:
    parser = cli.Parser(prog="python -m benchmarks.preemption", description=__doc__)
    parser.add_argument("--data", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    parser.add_argument("--moments", type=int, default=5, help="in each stage, 5 by default")
    parser.add_argument("--write", action="store_true", help="into results/cluster.md")
    options = parser.parse_args()
    return cli.main(lambda: show(options.data, options.moments, options.write))


def show(data: str | None, moments: int, write: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table in measure(folder, moments, *_reviews(folder, data)):
            rich.console.Console().print(table.screen())
            if write:
                _write(table)


def measure(folder: Path, moments: int, labelled: Path, raw: Path) -> Iterator[Table]:
    """A table of what is known so far, after each of the runs that are stopped."""
    settings = [
        "data=files", f"data.path={labelled}", f"data.unlabelled_path={raw}", "data.train_examples=150", "threads=1",
        "data.dev_examples=200", "tracking=off", "pretrain.epochs=2", "textcat.epochs=4", "hydra.run.dir=run",
    ]  # fmt: skip
    undisturbed = Run(_fresh(folder / "undisturbed"), settings)
    began = time.monotonic()
    undisturbed.end()
    ended, visits = time.monotonic(), undisturbed.stages.visits()
    times = [*undisturbed.stages.times, ended]
    order = list(dict.fromkeys(visits))
    last = {visit: number for number, visit in enumerate(visits)}
    lasts = {visit: times[last[visit] + 1] - times[last[visit]] for visit in order}
    seconds: dict[str, list[float]] = {visit: [] for visit in order}
    equal, random = 0, Random(0)
    for chain in range(moments):
        place = _fresh(folder / f"chain{chain}")
        for visit in order:
            run = Run(place, settings)
            if not run.reach(visit):
                raise RuntimeError(f"the run ended before {visit}")
            time.sleep(random.uniform(0, lasts[visit]))
            took, code, hit = run.stop()
            if code == 128 + signal.SIGTERM:
                seconds[hit].append(took)
                print(f"{hit}: {took:.1f} s", file=sys.stderr, flush=True)
        Run(place, settings).end()
        equal += _same(folder / "undisturbed" / "run", place / "run")
        note = (
            f"Runs: {chain + 1}, stopped once in every stage, at a random moment, and started again by the same "
            f"command, on one thread; {equal} ended with the predictions of a run that nobody stopped, bit for bit. "
            f"That one took {ended - began:.0f} s. {LABELLED:,} labelled and {RAW:,} raw reviews of IMDB. A stop "
            "counts for the stage that it hit. Vectors, pre-training, fine-tuning and the control go on where they "
            "stood. Median (least – greatest)."
        )
        rows = [
            (visit, f"{lasts[visit]:.1f}", str(len(found)), spread(found, 1) if found else "")
            for visit, found in seconds.items()
        ]
        yield Table("SIGTERM in each stage", note, ("stage", "takes, s", "stops", "from SIGTERM to the end, s"), rows)


def _fresh(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _same(one: Path, other: Path) -> bool:
    with np.load(one / "predictions.npz") as first, np.load(other / "predictions.npz") as second:
        return set(first) == set(second) and all(np.array_equal(first[name], second[name]) for name in first)


def _reviews(folder: Path, data: str | None) -> tuple[Path, Path]:
    settings = settings_of(data)
    documents = list(open_source(settings.data, open_cache(settings.cache_dir, print).root).documents())
    labelled, raw = folder / "labelled.csv", folder / "raw.txt"
    known = [document for document in documents if document.label is not None]
    with labelled.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows((document.text, document.label) for document in known[:: len(known) // LABELLED][:LABELLED])
    texts = [document.text for document in known[1 :: len(known) // RAW]][:RAW]
    raw.write_text("".join(" ".join(text.split()) + "\n" for text in texts), encoding="utf-8")
    return labelled, raw


def _write(table: Table) -> None:
    """In the place of an earlier one."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Many machines\n"
    sections = [one for one in page.split("\n## ") if not one.startswith(table.title)]
    own = table.markdown().rstrip("\n").removeprefix("## ")
    own = own.replace("\n\n", "\n\n`python -m benchmarks.preemption --data aclImdb_v1.tar.gz --write`. ", 1)
    write_whole(PAGE, "\n## ".join([*(one.rstrip("\n") + "\n" for one in sections), own + "\n"]))


if __name__ == "__main__":
    sys.exit(main())
