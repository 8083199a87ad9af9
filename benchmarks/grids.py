"""Studies on IMDB for the tables in results/: a grid over seeds each, so that what was stopped goes on, and a second
worker takes what is left."""

import argparse
import json
import re
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

import pandas as pd

from lmao import cli
from lmao.config import NOT_SCIENCE
from lmao.errors import UserError
from lmao.stop import Stopped
from lmao.studies import STORAGE, Study, Trial, read_studies

RESULTS = Path(__file__).parent.parent / "results"
SHARED = ("encode", "vectors", "pretrain")  # stages that may have waited for, or taken over, what another run made
TRAIN = Path(__file__).parent.parent / "train.py"

Studies = Mapping[str, Sequence[str]]  # by name, the settings of each
Results = Mapping[str, Mapping[int, Mapping[str, Any]]]  # by study and seed, what is in result.json
Page = Callable[[Results, argparse.Namespace], str]


def parser(module: str, description: str | None, seeds: int) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog=f"python -m benchmarks.{module}", description=description)
    found.add_argument("--data", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    found.add_argument("--seeds", type=int, default=seeds, help=f"2 or more, {seeds} by default")
    found.add_argument("--workers", type=int, default=1, help="processes of a thread each")
    found.add_argument("--report", action="store_true", help="run nothing, write the page of what there is")
    found.add_argument("settings", nargs="*", help="for all runs: pretrain.epoch_words=2500000, …")
    return found


def main(name: str, studies: Studies, page: Page, options: argparse.Namespace) -> int:
    """Run what is missing, write results/<name>/ and print its page; the exit code."""
    return cli.main(lambda: _make(name, studies, page, options))


def _make(name: str, studies: Studies, page: Page, options: argparse.Namespace) -> None:
    if options.seeds < 2 or options.workers < 1:
        raise UserError(f"--seeds {options.seeds} --workers {options.workers}: give 2 seeds and a worker at least")
    settings = {f"{name}-{study}": _settings(own, options) for study, own in studies.items()}
    failed = [] if options.report else _run_all(settings, options)
    print(_write(name, page, settings, options))
    if failed:
        raise UserError(f"these sweeps failed, for reasons that stand above: {', '.join(failed)}")


def command(module: str, options: argparse.Namespace, *own: str) -> str:
    """As it was typed, without the folders, which are of one machine, and without how many worked."""
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
    """Of one study; the linear models have no settings of fine-tuning."""
    linear = "textcat=linear" in own
    typed = [one for one in options.settings if not (linear and one.startswith("textcat."))]
    return [*own, *([f"data.path={options.data}"] if options.data else []), *typed]


def _run_all(studies: Studies, options: argparse.Namespace) -> Sequence[str]:
    """Every worker goes through all studies in the same order and takes the trials that no other has. What failed."""
    running, failed, stopping = set[subprocess.Popen[bytes]](), dict[str, None](), threading.Event()
    seeds = "seed=" + ",".join(map(str, range(options.seeds)))

    def work() -> None:
        for name, settings in studies.items():
            if stopping.is_set():
                return
            typed = ["-m", "sweep=grid", f"hydra.sweeper.study_name='{name}'", *settings, seeds]
            with subprocess.Popen([sys.executable, str(TRAIN), *typed]) as child:
                running.add(child)
                if child.wait() and not stopping.is_set():
                    failed[name] = None
                running.discard(child)

    with ThreadPoolExecutor(options.workers) as executor:
        try:
            for worker in [executor.submit(work) for _ in range(options.workers)]:
                worker.result()
        except Stopped as stop:
            stopping.set()
            if stop.signal_number == signal.SIGTERM:  # a terminal sends Ctrl-C to them as well
                for child in list(running):
                    child.terminate()
            raise
    return list(failed)


def _write(name: str, page: Page, settings: Studies, options: argparse.Namespace) -> str:
    """Into results/<name>/, with the trials behind it."""
    lines, results, commits = [], dict[str, dict[int, Any]](), set[str]()
    for study in read_studies(STORAGE, f"{name}-*"):
        if study.name not in settings or not study.complete:
            continue
        _check(study, settings[study.name])
        own = results.setdefault(study.name.removeprefix(f"{name}-"), {})
        for trial in study.complete:
            assert trial.seed is not None
            own[trial.seed] = _result(trial)
            lines.append(_line(study, trial, own[trial.seed]))
            commits.add(re.sub(r"^([0-9a-f]{10})[0-9a-f]{30}", r"\1", trial.code or "unknown"))
    if not lines:
        raise UserError(f"no trial of {name}-* has finished yet in {STORAGE}")
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(lines).sort_values(["study", "seed"])
    _replace(folder / "runs.csv", table.to_csv(index=False, float_format="%.6g"))
    text = f"{page(results, options)}\n[runs.csv](runs.csv) has each run. Commits: {', '.join(sorted(commits))}.\n"
    _replace(folder / "README.md", text)
    return text


def _check(study: Study, settings: Sequence[str]) -> None:
    """The page tells of these settings, so that the runs must have had them.

    Raises:
        UserError: they had others.
    """
    had, wanted = _by_key(study.overrides), _by_key(settings)
    for key in sorted(had.keys() | wanted.keys()):
        if had.get(key) != wanted.get(key):
            raise UserError(
                f"{study.name} was run with {key}={had.get(key, 'its default')}, not {wanted.get(key, 'its default')}: "
                "give the settings that it had"
            )


def _by_key(overrides: Sequence[str]) -> dict[str, str]:
    """Those that decide what comes out, but for paths, which are of one machine."""
    pairs = dict(one.lstrip("+").split("=", 1) for one in overrides)
    return {
        key: value
        for key, value in pairs.items()
        if re.split(r"[.@]", key)[0] not in NOT_SCIENCE and not key.endswith("path")
    }


def own_seconds(result: Mapping[str, Any]) -> float:
    """Of a run: without encoding and vectors, which all runs share; pre-training's are those of whoever computed it."""
    stages = sum(seconds for stage, seconds in result["seconds"].items() if stage not in SHARED)
    return float(stages + (result["pretrain"]["seconds"] if result["pretrain"] else 0))


def _line(study: Study, trial: Trial, result: Mapping[str, Any]) -> dict[str, Any]:
    probe, pretrain, test = result["textcat"]["probe"], result["pretrain"] or {}, result["test"]
    return {
        "study": study.name,
        "seed": trial.seed,
        "dev_accuracy": result["dev_accuracy"],
        "probe_dev_accuracy": None if probe is None else probe["dev_accuracy"],
        "test_accuracy": None if test is None else test["accuracy"],
        "fine_tuning_epochs": result["textcat"]["best_epoch"],
        "words": pretrain.get("words"),
        "words_per_second": pretrain.get("words_per_second"),
        "seconds": own_seconds(result),
        "code": trial.code,
    }


def _result(trial: Trial) -> dict[str, Any]:
    assert trial.folder is not None
    try:
        result: dict[str, Any] = json.loads((trial.folder / "result.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{trial.folder} has no result.json: delete {STORAGE} to run all anew") from None
    return result


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)
