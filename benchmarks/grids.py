"""Studies on IMDB for the tables in results/: a grid over seeds each, so that what was stopped goes on, and a second
worker takes what is left."""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pandas as pd
import rich.console

from lmao.cli import print_error
from lmao.errors import UserError
from lmao.studies import STORAGE, Study, Trial, read_studies

RESULTS = Path(__file__).parent.parent / "results"
TRAIN = Path(__file__).parent.parent / "train.py"

Studies = Mapping[str, Sequence[str]]  # by name, the settings of each
Results = Mapping[str, Mapping[int, Mapping[str, Any]]]  # by study and seed, what is in result.json
Page = Callable[[Results, argparse.Namespace], str]


def parser(module: str, description: str | None, seeds: int) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog=f"python -m benchmarks.{module}", description=description)
    found.add_argument("--data", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    found.add_argument("--seeds", type=int, default=seeds)
    found.add_argument("--workers", type=int, default=1, help="processes of a thread each")
    found.add_argument("--report", action="store_true", help="only write the table, of what there is")
    found.add_argument("settings", nargs="*", help="for all runs: pretrain.epoch_words=2500000, …")
    return found


def run(name: str, studies: Studies, page: Page, options: argparse.Namespace) -> int:
    """Run what is missing, write results/<name>/ and print its page; the exit code."""
    try:
        if not options.report:
            with ThreadPoolExecutor(options.workers) as workers:
                list(workers.map(_work, [_commands(name, studies, options)] * options.workers))
        text = _write(name, page, options)
    except UserError as error:
        print_error(str(error), sys.stderr)
        return 2
    rich.console.Console().print(text, markup=False)
    return 0


def command(module: str, options: argparse.Namespace, *own: str) -> str:
    """As it was typed, without the folders, which are of one machine, and without how many worked."""
    data = [f"--data {Path(options.data).name}"] if options.data else []
    return " ".join([f"python -m benchmarks.{module}", *data, *own, f"--seeds {options.seeds}", *options.settings])


def spread(values: Sequence[float], seeds: int) -> str:
    """Mean and standard deviation of accuracies, in percent."""
    few = "" if len(values) == seeds else f" (n = {len(values)})"
    if len(values) < 2:
        return f"{100 * values[0]:.2f}{few}" if values else "not run"
    return f"{100 * mean(values):.2f} ± {100 * stdev(values):.2f}{few}"


def fits(setting: str, own: Sequence[str]) -> bool:
    """The linear models have no settings of fine-tuning."""
    return not setting.startswith("textcat.") or "textcat=linear" not in own


def _commands(name: str, studies: Studies, options: argparse.Namespace) -> Sequence[Sequence[str]]:
    data = [f"data.path={options.data}"] if options.data else []
    seeds = "seed=" + ",".join(map(str, range(options.seeds)))
    return [
        [
            *(sys.executable, str(TRAIN), "-m", "sweep=grid", f"hydra.sweeper.study_name='{name}-{study}'"),
            *own,
            *data,
            *(setting for setting in options.settings if fits(setting, own)),
            seeds,
        ]
        for study, own in studies.items()
    ]


def _work(commands: Sequence[Sequence[str]]) -> None:
    """Every worker goes through all studies in the same order and takes the trials that no other has."""
    for one in commands:
        if subprocess.run(one, check=False).returncode:
            raise UserError(f"a sweep failed: {shlex.join(one)}")


def _write(name: str, page: Page, options: argparse.Namespace) -> str:
    """Into results/<name>/, with the trials behind it."""
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    found = read_studies(STORAGE, f"{name}-*")
    lines = [_line(study, trial) for study in found for trial in study.complete]
    table = pd.DataFrame(lines).sort_values(["study", "seed"])
    _replace(folder / "runs.csv", table.to_csv(index=False, float_format="%.6g"))
    results = {
        study.name.removeprefix(f"{name}-"): {
            trial.seed: _result(trial) for trial in study.complete if trial.seed is not None
        }
        for study in found
    }
    commits = ", ".join(sorted({code[:10] for code in table["code"]}))
    text = f"{page(results, options)}\n[runs.csv](runs.csv) has each run. Commits: {commits}.\n"
    _replace(folder / "README.md", text)
    return text


def _line(study: Study, trial: Trial) -> dict[str, Any]:
    result = _result(trial)
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
        "seconds": sum(result["seconds"].values()),
        "code": trial.code,
    }


def _result(trial: Trial) -> dict[str, Any]:
    assert trial.folder is not None
    result: dict[str, Any] = json.loads((trial.folder / "result.json").read_text(encoding="utf-8"))
    return result


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)
