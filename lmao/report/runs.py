"""Every trial of every study as one line of runs.csv."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from lmao.passwords import without_passwords
from lmao.paths import from_here
from lmao.sweep.records import StudyRecord, TrialRecord

BEFORE = ["study", "number", "state", "seed", "dev_accuracy", "reported_accuracy"]
AFTER = ["fine_tuning_epochs", "pretrain_epochs", "seconds", "error", "reused", "run_id", "folder"]


def all_runs(studies: Sequence[StudyRecord]) -> pd.DataFrame:
    """A row a trial, those lost to kills too; a column a setting. Accuracies are shares, empty where there is none.

    `reported_accuracy` is the best that a trial had reported while it fine-tuned.
    """
    trials = [(study, trial) for study in studies for trial in _in_order(study)]
    settings = sorted(set(chain.from_iterable(trial.parameters for _, trial in trials)) - {"seed"})
    table = pd.DataFrame([_line(*found) for found in trials], columns=[*BEFORE, *settings, *AFTER])
    return table.convert_dtypes()  # whole numbers stay whole where some are missing


def _in_order(study: StudyRecord) -> Sequence[TrialRecord]:
    return sorted([*study.trials, *study.lost], key=lambda trial: trial.number)


def _line(study: StudyRecord, trial: TrialRecord) -> dict[str, Any]:
    return {
        **trial.parameters,
        "study": study.name,
        "number": trial.number,
        "state": trial.state.value,
        "seed": trial.seed,
        "dev_accuracy": trial.accuracy,
        "reported_accuracy": max(trial.reported.values(), default=None),
        "fine_tuning_epochs": trial.epochs,
        "pretrain_epochs": trial.parameters.get("pretrain.epochs", study.pretrain_epochs),
        "seconds": trial.seconds,
        "error": None if trial.error is None else without_passwords(trial.error),
        "reused": trial.reused,
        "run_id": trial.run_id,
        "folder": None if trial.folder is None else _place(trial.folder),
    }


def _place(folder: Path) -> str:
    """The path from the current folder; its last two names if it is elsewhere."""
    short = from_here(folder)
    return str(short) if short != folder or not folder.is_absolute() else "/".join(folder.parts[-2:])
