"""Files and folders that may not be read or written, since their modes say so or another owns them: one line."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.judging import wrong_line
from benchmarks.faults.table import Row
from benchmarks.faults.tiny import LINEAR, Tiny
from lmao.cli import AWAY
from tests.support.processes import TRAIN, ProcessResult

ANOTHER = 65534  # nobody
RUN = (TRAIN, *LINEAR)
SWEEP = (TRAIN, "--multirun", *LINEAR[:-1], "sweep=random", "hydra.sweeper.study_name=s")
REPORT = ("lmao.report",)
PREDICT = ("lmao.predict", "--model=out", "texts.csv")


@dataclass(frozen=True)
class Locked:
    """path: what is locked, `.` for the folder that the command is given in; mode: what is left of its permissions;
    goes_through: the command can do without."""

    path: str
    mode: int
    command: tuple[str, ...]
    goes_through: bool = False


CASES = (
    Locked(".", 0o555, (*RUN[:-1], "hydra.run.dir=new")),
    Locked("out", 0o555, RUN),
    Locked("out", 0o000, RUN),
    Locked("cache", 0o555, RUN),
    Locked("cache", 0o000, RUN),
    Locked("cache/corpus", 0o555, RUN, goes_through=True),
    Locked("cache/labels", 0o000, RUN),
    Locked("texts.csv", 0o000, RUN),
    Locked("mlflow.db", 0o444, (*RUN, "tracking=mlflow")),
    Locked("mlflow.db", 0o000, (*RUN, "tracking=mlflow")),
    Locked("multirun", 0o555, (*SWEEP, "hydra.sweeper.study_name=other", "hydra.sweeper.n_trials=1")),
    Locked("multirun/s", 0o555, (*SWEEP, "hydra.sweeper.n_trials=2")),
    Locked("optuna.db", 0o444, (*SWEEP, "hydra.sweeper.n_trials=2")),
    Locked("optuna.db", 0o000, (*SWEEP, "hydra.sweeper.n_trials=2")),
    Locked("optuna.db", 0o000, REPORT),
    Locked("optuna.db", 0o000, ("lmao.status",)),
    Locked("optuna.db", 0o444, ("lmao.status",), goes_through=True),
    Locked(".", 0o555, REPORT),
    Locked("out", 0o000, PREDICT),
    Locked("out/classifier", 0o000, PREDICT),
    Locked("out/model", 0o000, PREDICT, goes_through=True),  # it reads the classifier
    Locked("out", 0o555, PREDICT, goes_through=True),
    Locked("texts.csv", 0o000, PREDICT),
    Locked("out", 0o555, (*PREDICT, "--output=out/predicted.csv")),
)


def folders(n: int | None, folder: Path) -> Iterator[Row]:
    """The first n cases, or all, by mode; and by owner, where root may give files away."""
    made = finished(folder / "made")
    ways = {"by their modes": False} | ({"since another owns them": True} if os.geteuid() == 0 else {})
    for way, owned in ways.items():
        cases = CASES[:n]
        found = [ended(made, folder / "locked", case, owned) for case in cases]
        wrong = [
            f"{case.path} {case.mode:o}, {case.command[0]}: {one}"
            for case, one in zip(cases, found, strict=True)
            if one
        ]
        yield Row(
            f"files and folders may not be read or written {way}: runs, sweeps and reports end with one line",
            len(cases), len(wrong), "; ".join(wrong[:3]),
        )  # fmt: skip


def finished(folder: Path) -> Tiny:
    """Where a run and a study of one trial have ended, both tracked."""
    place = Tiny(folder, LINEAR)
    for end in (
        place.finish("tracking=mlflow"),
        _given(place, (*SWEEP, "tracking=mlflow", "hydra.sweeper.n_trials=1")),
    ):
        assert (end.code, end.errors) == (0, ""), end
    return place


def ended(made: Tiny, folder: Path, case: Locked, owned: bool) -> str | None:
    """What is wrong with how a command ended in a copy of that place, in which something is locked."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made.folder, folder)
    place, locked = Tiny(folder, LINEAR), folder / case.path
    before = locked.stat()
    if owned:
        os.chown(locked, ANOTHER, ANOTHER)
        locked.chmod((0o700 if locked.is_dir() else 0o600) if case.mode == 0 else before.st_mode & 0o755)
    else:
        locked.chmod(case.mode)
    end = _given(place, case.command)
    locked.chmod(before.st_mode)
    lines = end.errors.splitlines()
    if case.goes_through:
        return None if end.code in (0, 3, 4) else f"exit code {end.code}: {lines[-1:]}"
    if end.code not in (2, AWAY) or len(lines) != 1 or not lines[0].startswith("error: "):
        return f"exit code {end.code}: {lines[-2:]}"
    return wrong_line(lines[0].removeprefix("error: "))


def _given(place: Tiny, command: tuple[str, ...]) -> ProcessResult:
    return place.finish_module("tests.support.unprivileged", *command)
