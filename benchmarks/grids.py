"""Studies on IMDB for the tables in results/: each is a grid over seeds, so that it can be stopped and resumed, and
shared by workers. A study that is complete in results/, perhaps from another machine, is not run again. Nothing notices
that an experiment in conf/ has changed since: move runs.csv away then."""

import argparse
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from matplotlib.figure import Figure

from benchmarks import runs
from benchmarks.runs import Run
from lmao import cli
from lmao.errors import UserError
from lmao.files import write_whole
from lmao.report.plots import save
from lmao.stop import Stopped
from lmao.sweep.reading import STORAGE, read_studies

RESULTS = Path(__file__).parent.parent / "results"
DATABASE = STORAGE.removeprefix("sqlite:///")
TRAIN = Path(__file__).parent.parent / "train.py"

Studies = Mapping[str, Sequence[str]]  # by name, the settings of each
Results = Mapping[str, Sequence[Run]]  # by study
Page = Callable[[Results, argparse.Namespace], str]
Picture = Callable[[Results], Figure]


def parser(module: str, description: str | None, seeds: int) -> cli.Parser:
    found = cli.Parser(prog=f"python -m benchmarks.{module}", description=description)
    found.add_argument("--data", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    found.add_argument("--seeds", type=int, default=seeds, help=f"2 or more, {seeds} by default")
    found.add_argument("--workers", type=int, default=1, help="processes of a thread each")
    found.add_argument("--report", action="store_true", help="run nothing, write the page of what there is")
    found.add_argument("settings", nargs="*", help="for all runs: pretrain.epoch_words=2500000, …")
    return found


def main(name: str, studies: Studies, page: Page, options: argparse.Namespace, picture: Picture | None = None) -> int:
    """Run what is missing, write results/<name>/ and print its page; the exit code."""
    return cli.main(lambda: _make(name, studies, page, options, picture))


def _make(name: str, studies: Studies, page: Page, options: argparse.Namespace, picture: Picture | None) -> None:
    if options.seeds < 2 or options.workers < 1:
        raise UserError(
            f"--seeds {options.seeds} --workers {options.workers}", advice="give 2 seeds and a worker at least"
        )
    wrong = [one for one in options.settings if "=" not in one]
    if wrong:
        raise UserError(f"'{wrong[0]}' is not a setting", advice="give name=value")
    settings = {f"{name}-{study}": _settings(own, options) for study, own in studies.items()}
    finished = _finished_runs(name, settings)
    missing = {
        study: own
        for study, own in settings.items()
        if len(finished.get(study, ())) < options.seeds and not options.report
    }
    failed = _run_all(missing, options)
    print(_write(name, page, settings, options, picture))
    if failed:
        raise UserError(f"these sweeps failed, for the reasons above: {', '.join(failed)}")


def command(module: str, options: argparse.Namespace, *own: str) -> str:
    """The command as typed, without folders, which are one machine's, and without the number of workers."""
    data = ["--data", Path(options.data).name] if options.data else []
    typed = ["python", "-m", f"benchmarks.{module}", *data, *own, "--seeds", str(options.seeds), *options.settings]
    return shlex.join(typed)


def accuracies(values: Sequence[float], seeds: int) -> str:
    """Mean and standard deviation, in percent; how many there are, if that is not a value for each seed."""
    few = "" if len(values) == seeds else f" (n = {len(values)})"
    if len(values) < 2:
        return f"{100 * values[0]:.2f}{few}" if values else "not run"
    return f"{100 * mean(values):.2f} ± {100 * stdev(values):.2f}{few}"


def _settings(own: Sequence[str], options: argparse.Namespace) -> Sequence[str]:
    """The settings of one study; the linear models have none of fine-tuning."""
    linear = "textcat=linear" in own
    typed = [one for one in options.settings if not (linear and one.startswith("textcat."))]
    return [*own, *([f"data.path={options.data}"] if options.data else []), *typed]


def _run_all(studies: Studies, options: argparse.Namespace) -> Sequence[str]:
    """Each worker goes through all studies and takes the trials that no other has.

    Returns: the studies that failed.
    """
    running, failed, stopping = set[subprocess.Popen[bytes]](), dict[str, None](), threading.Event()
    seeds = "seed=" + ",".join(map(str, range(options.seeds)))

    def work(worker: int) -> None:
        for name, settings in _turned(list(studies.items()), worker, options.workers):
            if stopping.is_set():
                return
            typed = ["-m", "sweep=grid", f"hydra.sweeper.study_name='{name}'", *settings, seeds]
            with subprocess.Popen([sys.executable, str(TRAIN), *typed]) as child:
                running.add(child)
                if stopping.is_set():
                    child.terminate()
                if child.wait() and not stopping.is_set():
                    failed[name] = None
                running.discard(child)

    with ThreadPoolExecutor(options.workers) as executor:
        try:
            for worker in [executor.submit(work, number) for number in range(options.workers)]:
                worker.result()
        except Stopped as stop:
            stopping.set()
            if stop.signal_number == signal.SIGTERM:  # a terminal sends Ctrl-C to them as well
                for child in list(running):
                    child.terminate()
            raise
    return list(failed)


def _turned(every: Sequence[Any], worker: int, workers: int) -> list[Any]:
    """All, from another one on for each worker: two don't wait for one pre-training."""
    first = len(every) * worker // workers
    return [*every[first:], *every[:first]]


def _finished_runs(name: str, studies: Studies) -> Results:
    """The finished runs, by study: those of results/<name>/runs.csv, and the studies' here, which replace them.

    Raises:
        UserError: some had other settings.
    """
    path = RESULTS / name / "runs.csv"
    kept = [(run, str(path)) for run in runs.read(path)]
    if Path(DATABASE).exists():
        here = [study for study in read_studies(STORAGE, "*") if study.name in studies]
        kept += [(run, DATABASE) for study in here for run in runs.of_study(study)]
    found: dict[str, dict[int, Run]] = {}
    for run, place in kept:
        if run.study in studies:
            runs.check(run, runs.settings_text(studies[run.study]), place)
            found.setdefault(run.study, {})[run.seed] = run
    return {study: list(by_seed.values()) for study, by_seed in found.items()}


def _write(name: str, page: Page, studies: Studies, options: argparse.Namespace, picture: Picture | None) -> str:
    """Write the page into results/<name>/, with the runs behind it and the picture of them."""
    finished = _finished_runs(name, studies)
    every = [run for own in finished.values() for run in own]
    if not every:
        raise UserError(f"no run of {name}-* has finished yet")
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "runs.csv", runs.text_of(every))
    results = {study.removeprefix(f"{name}-"): own for study, own in finished.items()}
    if picture is not None:
        save(picture(results), folder, name)
    commits = ", ".join(sorted({run.code for run in every}))
    text = f"{page(results, options)}\n[runs.csv](runs.csv) has each run. Commits: {commits}.\n"
    write_whole(folder / "README.md", text)
    return text
