"""The files of trials: result.json and predictions.npz are read from their folders, or else from MLflow."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmao.cache import MANIFEST, Damaged
from lmao.config.tracking import URI_VARIABLE
from lmao.database import scheme, sqlite_file
from lmao.errors import UserError
from lmao.manifest import verify
from lmao.sweep.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Judgements:
    """The examples of one run, in the order of their documents."""

    correct: NDArray[np.bool_]  # (n,)
    documents: NDArray[np.int64]  # (n,)
    labels: NDArray[np.int64]  # (n,)

    @property
    def accuracy(self) -> float:
        return float(self.correct.mean())


@dataclass
class RunFiles:
    """Downloads go into `folder`; `missing` lists what could not be had, and why."""

    folder: Path
    missing: list[str] = field(default_factory=list)

    def result(self, study: StudyRecord, trial: TrialRecord) -> Mapping[str, Any] | None:
        """result.json, if it is there and is this trial's."""
        path = self._path(study, trial, "result.json")
        if path is None:
            return None
        try:
            result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if trial.accuracy is None or abs(result["dev_accuracy"] - trial.accuracy) < 1e-9:
                return result
            problem = f"has another accuracy, {result['dev_accuracy']:.4f}"
        except (OSError, ValueError, KeyError, TypeError):
            problem = "can't be read"
        self._miss(study, trial, f"result.json {problem}")
        return None

    def judged(self, study: StudyRecord, trial: TrialRecord, split: str) -> Judgements | None:
        """The `dev` or `test` examples of predictions.npz, if it is there and has that split."""
        path = self._path(study, trial, "predictions.npz")
        if path is None:
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if f"{split}_scores" not in arrays:
                    return None
                scores, labels, documents = (arrays[f"{split}_{name}"] for name in ("scores", "labels", "documents"))
            order = np.argsort(documents)
            correct = scores.argmax(axis=1) == labels
            return Judgements(correct[order], documents[order].astype(np.int64), labels[order].astype(np.int64))
        except Exception:  # numpy and zipfile leak whatever their parsers raise
            self._miss(study, trial, "predictions.npz can't be read")
            return None

    def _path(self, study: StudyRecord, trial: TrialRecord, name: str) -> Path | None:
        if trial.folder is not None and (trial.folder / name).is_file():
            try:
                if (trial.folder / MANIFEST).is_file():  # runs of earlier versions have none
                    verify(trial.folder, name)
            except Damaged as error:
                self._miss(study, trial, f"{name} is damaged ({error})")
                return None
            return trial.folder / name
        uri = _tracking_uri(study.tracking_uri)
        try:
            run_id = trial.run_id or _run_sent_later(uri, study.run_id, trial.number)
            if uri is None or run_id is None:
                self._miss(study, trial, f"{name} is not on this machine")
                return None
            target = self.folder / run_id
            if not (target / name).exists():
                target.mkdir(exist_ok=True)
                _download(uri, run_id, name, target)
        except UserError as error:
            self._miss(study, trial, f"{name} is not on this machine, nor in MLflow ({error})")
            return None
        return target / name

    def _miss(self, study: StudyRecord, trial: TrialRecord, what: str) -> None:
        line = f"{study.name}, trial {trial.number}: {what}"
        if line not in self.missing:
            self.missing.append(line)


def _tracking_uri(of_study: str | None) -> str | None:
    """No study keeps one with a password."""
    uri = of_study if of_study and "***" not in of_study else os.environ.get(URI_VARIABLE)
    if uri and scheme(uri) == "sqlite":
        file = sqlite_file(uri)
        if file is None or not file.is_file():  # opening it would make it
            return None
    return uri


@cache
def _run_sent_later(uri: str | None, study_run_id: str | None, number: int) -> str | None:
    """The run of a trial that began while MLflow was away: its study was never told the id."""
    from lmao.tracking.mlflow_store import runs_of_trial

    if uri is None or study_run_id is None:
        return None
    with _told(uri):
        runs = runs_of_trial(_client(uri), study_run_id, number)
    return runs[0].info.run_id if runs else None


def _download(uri: str, run_id: str, name: str, folder: Path) -> None:
    with _told(uri):
        _client(uri).download_artifacts(run_id, name, str(folder))


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """Errors as a line in a list has them: without advice."""
    from lmao.tracking.mlflow_client import mlflow_errors

    try:
        with mlflow_errors(uri):
            yield
    except UserError as error:
        raise UserError(error.what, setting=error.setting) from None


@cache
def _client(uri: str) -> "MlflowClient":
    from lmao.tracking.mlflow_client import open_client

    return open_client(uri)
