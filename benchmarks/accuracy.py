"""`python -m benchmarks.accuracy`: objectives and inputs on IMDB with few labels, run and put into results/objectives/.

Each cell is a study with a trial a seed, so that what was stopped goes on, and a second worker takes what is left.
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pandas as pd
import rich.console

from benchmarks.table import Table
from lmao.cli import print_error
from lmao.errors import UserError
from lmao.studies import STORAGE, Study, Trial, read_studies

FOLDER = Path(__file__).parent.parent / "results" / "objectives"
PREFIX = "objectives"
TARGET = ("vectors@vectors.target=document", "vectors.target.threads=2")
INPUTS: Mapping[str, Sequence[str]] = {
    "glove": ["vectors=glove"],
    "floret": ["vectors=floret"],
    "document": ["vectors=document", "vectors.threads=2"],
}
OBJECTIVES: Mapping[str, Sequence[str]] = {
    "none": ["pretrain.epochs=0"],
    "document": ["objective=document", *TARGET],
    "cosine": ["objective=cosine"],
    "contrastive": ["objective=contrastive"],
    "sum": ["objective=sum", *TARGET],
    "interleave": ["objective=document", *TARGET, "pretrain.mode=interleave"],
    "vmf": ["objective=vmf"],
}
BASELINES: Mapping[str, Sequence[str]] = {
    "ngrams": ["textcat=linear"],
    **{f"mean-{name}": ["textcat=linear", "textcat.features=mean", *own] for name, own in INPUTS.items()},
    "document-vectors": ["textcat=linear", "textcat.features=document", *INPUTS["document"]],
}


@dataclass(frozen=True)
class Cell:
    """The finished trials of a study: accuracies on dev, in percent, by seed, and what they cost."""

    tuned: Mapping[int, float]
    probe: Mapping[int, float]
    speed: float | None  # words a second of pre-training
    minutes: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--data", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    parser.add_argument("--glove", required=True, help="GloVe 50-d: text, .gz or glove.6B.zip")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="processes of a thread each")
    parser.add_argument("--report", action="store_true", help="only write the table, of what there is")
    parser.add_argument("settings", nargs="*", help="for all runs: pretrain.epoch_words=2500000, …")
    options = parser.parse_args()
    try:
        if not options.report:
            _run(options)
        page = _page(read_studies(STORAGE, f"{PREFIX}-*"), options)
    except UserError as error:
        print_error(str(error), sys.stderr)
        return 2
    rich.console.Console().print(page)
    return 0


def studies(options: argparse.Namespace) -> dict[str, list[str]]:
    """The command line of each study, by name."""
    data = ["data=imdb", "data.unsupervised=true", "tracking.keep_models=none"]
    if options.data:
        data.append(f"data.path={options.data}")
    found = {name: list(own) for name, own in BASELINES.items()}
    found |= {f"{row}-{name}": [*table, *own] for row, own in OBJECTIVES.items() for name, table in INPUTS.items()}
    seeds = "seed=" + ",".join(map(str, range(options.seeds)))
    return {
        f"{PREFIX}-{name}": [
            *data,
            *own,
            *([f"vectors.path={options.glove}"] if "vectors=glove" in own else []),
            *(one for one in options.settings if fits(one, own)),
            seeds,
        ]
        for name, own in found.items()
    }


def fits(setting: str, own: Sequence[str]) -> bool:
    """The linear models have no such settings."""
    return not setting.startswith("textcat.") or "textcat=linear" not in own


def _run(options: argparse.Namespace) -> None:
    """Every worker goes through all studies in the same order and takes the trials that no other has."""
    with ThreadPoolExecutor(options.workers) as workers:
        list(workers.map(_work, [options] * options.workers))


def _work(options: argparse.Namespace) -> None:
    train = [sys.executable, str(Path(__file__).parent.parent / "train.py"), "-m", "sweep=grid"]
    for name, own in studies(options).items():
        command = [*train, f"hydra.sweeper.study_name='{name}'", *own]
        if subprocess.run(command, check=False).returncode:
            raise UserError(f"{name}: its sweep failed: {shlex.join(command)}")


def _page(found: Sequence[Study], options: argparse.Namespace) -> str:
    """Written into FOLDER with the trials behind it; returned for the screen."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    cells = {study.name.removeprefix(f"{PREFIX}-"): cell for study in found if (cell := _cell(study)) is not None}
    table = pd.DataFrame([line for study in found for line in _lines(study)])
    _write(FOLDER / "runs.csv", table.to_csv(index=False))
    names = ["probe", "fine-tuned"]
    columns = ["objective", *(f"{name}, {how}" for name in INPUTS for how in names), "words/s", "minutes a run"]
    rows = []
    for objective in OBJECTIVES:
        own = [cells.get(f"{objective}-{name}") for name in INPUTS]
        done = [cell for cell in own if cell is not None]
        accuracies = [_spread(getattr(cell, how, {}), options.seeds) for cell in own for how in ("probe", "tuned")]
        speeds = [cell.speed for cell in done if cell.speed is not None]
        minutes = [f"{mean(cell.minutes for cell in done):.1f}"] if done else [""]
        rows.append([objective, *accuracies, f"{mean(speeds):,.0f}" if speeds else "", *minutes])
    plain = [[name, _spread(cells[name].tuned, options.seeds)] for name in BASELINES if name in cells]
    note = (
        f"Accuracy on dev in percent, mean ± standard deviation of {options.seeds} seeds, each with its own 1,000 "
        "labels, weights and orders. Probe: logistic regression on the frozen encoder; fine-tuned: begun from it. "
        "Minutes: of a worker with one thread, vectors and encoding taken from the cache. Words/s: in pre-training. "
        f"Commits: {', '.join(sorted({code[:10] for code in table['code']}))}."
    )
    page = "\n".join(
        [
            f"# Objectives and inputs on IMDB\n\n    {_command(options)}\n",
            Table("Dev accuracy", note, columns, rows).markdown(),
            Table("Linear models on the same labels", "The same seeds.", ["features", "dev"], plain).markdown(),
        ]
    )
    _write(FOLDER / "README.md", page)
    return page


def _cell(study: Study) -> Cell | None:
    results = {trial.seed: _result(trial) for trial in study.complete if trial.seed is not None}
    if not results:
        return None
    probes = {seed: result["textcat"]["probe"] for seed, result in results.items()}
    speeds = [result["pretrain"]["words_per_second"] for result in results.values() if result["pretrain"]]
    return Cell(
        tuned={seed: 100 * result["dev_accuracy"] for seed, result in results.items()},
        probe={seed: 100 * probe["dev_accuracy"] for seed, probe in probes.items() if probe is not None},
        speed=mean(speeds) if speeds else None,
        minutes=mean(sum(result["seconds"].values()) for result in results.values()) / 60,
    )


def _lines(study: Study) -> list[dict[str, Any]]:
    lines = []
    for trial in study.complete:
        result = _result(trial)
        probe, pretrain = result["textcat"]["probe"], result["pretrain"] or {}
        lines.append(
            {
                "study": study.name,
                "seed": trial.seed,
                "dev_accuracy": result["dev_accuracy"],
                "probe_dev_accuracy": None if probe is None else probe["dev_accuracy"],
                "fine_tuning_epochs": result["textcat"]["best_epoch"],
                "words": pretrain.get("words"),
                "words_per_second": pretrain.get("words_per_second"),
                "seconds": sum(result["seconds"].values()),
                "code": trial.code,
            }
        )
    return lines


def _result(trial: Trial) -> dict[str, Any]:
    assert trial.folder is not None
    result: dict[str, Any] = json.loads((trial.folder / "result.json").read_text(encoding="utf-8"))
    return result


def _spread(by_seed: Mapping[int, float], seeds: int) -> str:
    values = list(by_seed.values())
    few = "" if len(values) == seeds else f" (n = {len(values)})"
    if len(values) < 2:
        return f"{values[0]:.2f}{few}" if values else "not run"
    return f"{mean(values):.2f} ± {stdev(values):.2f}{few}"


def _command(options: argparse.Namespace) -> str:
    """Without the folders, which are of one machine."""
    data = [f"--data {Path(options.data).name}"] if options.data else []
    own = [*data, f"--glove {Path(options.glove).name}", f"--seeds {options.seeds}", *options.settings]
    return " ".join(["python -m benchmarks.accuracy", *own])


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)


if __name__ == "__main__":
    sys.exit(main())
