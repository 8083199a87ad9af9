"""lmao's side: a cell comes in, `python train.py` is run as a user runs it, records of all its classifiers go out."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.runs import SHARED
from benchmarks.suite.cells import Cell
from benchmarks.suite.records import Record
from lmao.errors import UserError
from lmao.paths import ROOT
from lmao.run.code import commit


def run_auto(cell: Cell, settings: Sequence[str], with_test: bool) -> list[Record]:
    """Records of textcat=auto, of its arms, and of what it would be without pre-training.

    Raises:
        UserError: train.py failed; it has said why.
    """
    with TemporaryDirectory() as folder:
        run_folder = Path(folder) / "run"
        typed = [*settings, f"evaluate_test={str(with_test).lower()}", f"hydra.run.dir={run_folder}"]
        with subprocess.Popen([sys.executable, str(ROOT / "train.py"), *typed], stdout=subprocess.DEVNULL) as child:
            try:
                failed = child.wait()
            except BaseException:
                child.terminate()
                raise
        if failed:
            raise UserError("train.py failed, for the reason above")
        return records_of(cell, json.loads((run_folder / "result.json").read_text(encoding="utf-8")))


def records_of(cell: Cell, result: Mapping[str, Any]) -> list[Record]:
    """From a run's result.json."""
    choice, test = result["choice"], result["test"]
    seen = {
        "dev_examples": result["dev"]["examples"],
        "test_examples": None if test is None else test["examples"],
        "code": short(commit()),
    }

    def record(role: str, model: str, **figures: Any) -> Record:
        return Record(cell.set, cell.labels, cell.seed, role, model, **figures, **seen)

    used = [arm["megabytes"] for arm in choice["arms"] if arm["share"]]
    auto = record(
        "auto", cell.model,
        dev_accuracy=result["dev_accuracy"], dev_macro_f=result["dev"]["macro_f"],
        test_accuracy=None if test is None else test["accuracy"],
        test_macro_f=None if test is None else test["macro_f"],
        cross_validated=choice["accuracy"], share=None, seconds=_seconds(result), megabytes=sum(used),
    )  # fmt: skip
    found = [auto]
    for arm in choice["arms"]:
        own = {name: arm[name] for name in ("share", "seconds", "megabytes")}
        found.append(record("arm", arm["name"], cross_validated=arm["accuracy"], **_accuracies(arm), **own))
    if choice["control"] is not None:
        control = choice["control"]
        own = {"seconds": control["seconds"], "megabytes": None, "share": None, "cross_validated": None}
        found.append(record("control", "encoder", **_accuracies(control), **own))
    return found


def short(code: str) -> str:
    """A commit's first ten digits; what was changed since stays."""
    return re.sub(r"^([0-9a-f]{10})[0-9a-f]{30}", r"\1", code)


def _accuracies(of: Mapping[str, Any]) -> dict[str, Any]:
    return {name: of[name] for name in ("dev_accuracy", "dev_macro_f", "test_accuracy", "test_macro_f")}


def _seconds(result: Mapping[str, Any]) -> float:
    """Of the run, with pre-training's, whichever run did it."""
    own = sum(seconds for stage, seconds in result["seconds"].items() if stage not in SHARED)
    return float(own + result["pretrain"]["seconds"])
