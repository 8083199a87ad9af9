"""What a table of results/ needs to know about each run: read from a study's finished trials, kept in runs.csv."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from lmao.config.fields import Mark
from lmao.config.run import Config
from lmao.errors import UserError
from lmao.sweep.reading import STORAGE
from lmao.sweep.records import StudyRecord, TrialRecord

SHARED = ("encode", "vectors", "pretrain")  # stages that may have waited for, or taken over, what another run made
PLAIN = {"True": "true", "False": "false", "None": "null"}  # a study remembers values as Python writes them


@dataclass(frozen=True)
class Run:
    """One trial; `seconds`: without encoding and vectors, which runs share, and with pre-training's whoever did it.

    settings: those of its study that decide what comes out, but for paths; code: the commit.
    """

    study: str
    seed: int
    dev_accuracy: float
    probe_dev_accuracy: float | None
    test_accuracy: float | None
    fine_tuning_epochs: int
    parameters: int
    model_mb: float | None
    words: int | None
    heldout_cosine: float | None
    heldout_word_accuracy: float | None
    pretrain_seconds: float | None
    textcat_seconds: float
    seconds: float
    threads: int
    code: str
    settings: str


def of_study(study: StudyRecord) -> list[Run]:
    """The runs of its complete trials."""
    return [_of_trial(study, trial) for trial in study.complete]


def read(path: Path) -> list[Run]:
    """Read what `text_of` made; nothing if there is no such file.

    Raises:
        UserError: it is another kind of file.
    """
    if not path.exists():
        return []
    table = pd.read_csv(path, dtype={"study": str, "code": str})  # a commit may be all digits
    if list(table) != [field.name for field in fields(Run)]:
        raise UserError(f"{path} has other columns than these runs have", advice="move it away")
    table = table.astype(object).where(table.notna(), None)
    return [Run(**{str(name): value for name, value in row.items()}) for row in table.to_dict("records")]


def text_of(runs: Iterable[Run]) -> str:
    """The runs as CSV, by study and seed."""
    table = pd.DataFrame([asdict(run) for run in runs]).sort_values(["study", "seed"])
    table["words"] = table["words"].astype("Int64")
    text: str = table.to_csv(index=False, float_format="%.6g")
    return text


def settings_text(overrides: Sequence[str]) -> str:
    """The settings that results depend on, but for paths, which are one machine's, and the seed."""
    pairs = dict(one.lstrip("+").split("=", 1) for one in overrides)
    return " ".join(f"{key}={PLAIN.get(value, value)}" for key, value in sorted(pairs.items()) if _decides(key))


def check(run: Run, settings: str, place: str) -> None:
    """Check that a run had the settings that its page names.

    Raises:
        UserError: it had different ones.
    """
    had, wanted = set(run.settings.split()), set(settings.split())
    if had != wanted:
        raise UserError(
            (
                f"{place}: {run.study} was run with {' '.join(sorted(had - wanted)) or 'less'}, not with "
                f"{' '.join(sorted(wanted - had)) or 'less'}"
            ),
            advice=f"give the settings that it had, or move {place} away",
        )


def _decides(key: str) -> bool:
    section = re.split(r"[.@]", key)[0]
    return section not in Config.marked(Mark.NOT_SCIENCE) and not key.endswith("path") and key != "seed"


def _of_trial(study: StudyRecord, trial: TrialRecord) -> Run:
    result = _result(trial)
    probe, pretrain, test = result["textcat"]["probe"], result["pretrain"] or {}, result["test"]
    last = (pretrain.get("records") or [{}])[-1]  # an epoch's figures
    seconds: Mapping[str, float] = result["seconds"]
    own = sum(value for stage, value in seconds.items() if stage not in SHARED)
    assert trial.seed is not None
    return Run(
        study=study.name,
        seed=trial.seed,
        dev_accuracy=result["dev_accuracy"],
        probe_dev_accuracy=None if probe is None else probe["dev_accuracy"],
        test_accuracy=None if test is None else test["accuracy"],
        fine_tuning_epochs=result["textcat"]["best_epoch"],
        parameters=result["parameters"],
        model_mb=result["model_mb"],
        words=pretrain.get("words"),
        heldout_cosine=last.get("heldout_cosine"),
        heldout_word_accuracy=last.get("heldout_word_accuracy"),
        pretrain_seconds=pretrain.get("seconds"),
        textcat_seconds=sum(seconds.get(stage, 0.0) for stage in ("probe", "textcat")),
        seconds=own + pretrain.get("seconds", 0.0),
        threads=result["threads"],
        code=re.sub(r"^([0-9a-f]{10})[0-9a-f]{30}", r"\1", trial.code or "unknown"),
        settings=settings_text(study.overrides),
    )


def _result(trial: TrialRecord) -> dict[str, Any]:
    assert trial.folder is not None
    try:
        result: dict[str, Any] = json.loads((trial.folder / "result.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{trial.folder} has no result.json", advice=f"move {STORAGE} away to run everything again"
        ) from None
    return result
