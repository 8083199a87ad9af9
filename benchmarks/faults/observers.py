"""Commands that read what another process is writing: they tell what is there, or say in one line what isn't yet."""

import json
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

from benchmarks.faults.judging import wrong_line
from benchmarks.faults.sweeps import STUDY, Swept
from benchmarks.faults.table import Row
from benchmarks.faults.tiny import LINEAR, Tiny
from tests.support.processes import ProcessResult, RunningProcess

N = 60
TRIALS = 8


def observers(n: int | None, folder: Path) -> Iterator[Row]:
    """n: commands against a sweep, and against a run that is made again; 60 each if None."""
    for what, observe in (("a sweep runs", of_a_sweep), ("a run is made again in its folder", of_a_run)):
        tried, rounds, failed = 0, 0, list[str]()
        while tried < (n or N):
            done, problems = observe(folder / f"{observe.__name__}-{rounds}", (n or N) - tried)
            tried, rounds, failed = tried + done, rounds + 1, failed + problems
            what_is_read = f"while {what}, others read: a result that is whole, or one line"
            yield Row(what_is_read, tried, len(failed), "; ".join(failed[:3]))


def of_a_sweep(folder: Path, most: int) -> tuple[int, list[str]]:
    """How many commands read it, and what was wrong with them, or then with the sweep."""
    place = Swept(folder, TRIALS)
    storage = f"--storage={place.storage}"
    trial = folder / "multirun" / STUDY / "0"
    commands = {
        "lmao.status": [storage], "lmao.report": [storage, f"--output={folder / 'report'}"],
        "lmao.predict": [f"--model={trial}", "texts.csv"],
    }  # fmt: skip
    writers = [place.worker(), place.worker()]
    wrong, done = list[str](), 0
    for name in cycle(commands):
        if done == most or not any(writer.runs() for writer in writers):
            break
        end = place.finish_module(name, *commands[name])
        wrong, done = [*wrong, *_bad(name, end, (0, 3, 4) if name == "lmao.status" else (0,))], done + 1
        wrong += _half(folder)
    wrong += [f"a worker ended by {end.code}: {end.errors}" for end in map(RunningProcess.ended, writers) if end.code]
    return done, wrong + place.wrong()


def of_a_run(folder: Path, most: int) -> tuple[int, list[str]]:
    """As of a sweep, of predictions: the run that is made again predicts the same."""
    place = Tiny(folder, LINEAR)
    assert place.finish().code == 0
    arguments = ["--model=out", "texts.csv"]
    expected = place.finish_module("lmao.predict", *arguments).output
    writer = place.start()
    wrong, done = list[str](), 0
    while done < most and writer.runs():
        end = place.finish_module("lmao.predict", *arguments)
        wrong, done = [*wrong, *_bad("lmao.predict", end, (0,))], done + 1
        wrong += ["it predicts something else"] * (end.code == 0 and end.output != expected)
    ended = writer.ended()
    return done, wrong + [f"the run ended by {ended.code}: {ended.errors}"] * bool(ended.code or ended.errors)


def _bad(name: str, end: ProcessResult, good: Sequence[int]) -> list[str]:
    lines = end.errors.splitlines()
    if end.code in good:
        return []
    if end.code == 2 and len(lines) == 1 and lines[0].startswith("error: "):
        line = wrong_line(lines[0].removeprefix("error: "))
        return [f"{name}: {line}"] * bool(line)
    return [f"{name} ended by {end.code}: {lines[-1:]}"]


def _half(folder: Path) -> list[str]:
    """Which results can't be read."""
    wrong = []
    for path in folder.glob("multirun/*/*/result.json"):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            wrong.append(f"{path.parent.name}/result.json is half")
    return wrong
