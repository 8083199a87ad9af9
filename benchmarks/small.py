"""Runs with a small pre-training, for measurements that need many: a folder of texts comes in, a finished run goes out.

A folder has train.jsonl.gz, dev.jsonl.gz and test.jsonl.gz. Runs on the same texts share vectors and pre-training.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import rich.console
from hydra import compose, initialize_config_dir

from lmao import cli
from lmao.config.run import Config
from lmao.config.validation import validate
from lmao.console import Console
from lmao.paths import CONF
from lmao.run.experiment import run
from lmao.run.result import Result
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial

SMALL = (
    "data=files", "vectors=document", "vectors.epochs=10", "vectors.min_count=5", "vectors.threads=1",
    "objective=whole_document", "pretrain=document", "pretrain.window_words=12", "pretrain.learn_rate=0.0015",
    "pretrain.epochs=2", "pretrain.seed=0", "tracking=off", "tracking.keep_models=none", "evaluate_test=true",
    "threads=1",
)  # fmt: skip
CLASSIFIERS: Mapping[str, Sequence[str]] = {
    "cnn": ["textcat=cnn"],
    **{f"linear, {name}": ["textcat=linear", f"textcat.features={name}"] for name in ("ngrams", "lsa", "document")},
    "auto": ["textcat=auto"],
}


def settings_of(data: Path, labels: int, seed: int, *overrides: str) -> Config:
    parts = {"path": "train", "dev_path": "dev", "test_path": "test"}
    paths = [f"data.{key}={data / f'{part}.jsonl.gz'}" for key, part in parts.items()]
    with initialize_config_dir(config_dir=str(CONF)):
        given = [*SMALL, *paths, f"data.train_examples={labels}", f"seed={seed}", *overrides]
        return validate(cli.plain(compose("config", given)))


def finish(settings: Config, folder: Path) -> Result:
    """A whole run that tells nobody; its files are in the folder."""
    with StopSignal() as stop:
        console = Console(rich.console.Console(file=io.StringIO()))
        return run(settings, folder, console, stop, NoTrial(), NullStore())


def resumed(path: Path, cells: Sequence[Mapping[str, Any]], measure: Callable[..., Mapping[str, Any]]) -> None:
    """What measure(**cell) finds of each cell, a JSON line each; what has one already is not measured again."""
    for cell in cells:
        if not select(path, cell):
            line = json.dumps({**cell, **measure(**cell)})
            with path.open("a", encoding="utf-8") as file:
                print(line, file=file, flush=True)


def select(path: Path, cell: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines that have a cell's values."""
    return [one for one in _read(path) if all(one[key] == value for key, value in cell.items())]


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean and standard deviation."""
    return f"{mean(values):.{digits}f}" + (f" ± {stdev(values):.{digits}f}" if len(values) > 1 else "")


def _read(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())
