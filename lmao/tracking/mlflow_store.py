"""Runs and studies in MLflow's store: opened, resumed and ended."""

import shlex
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmao.config.tracking import MlflowTracking
from lmao.database import absolute, scheme, typed
from lmao.errors import Away, UserError
from lmao.passwords import without_passwords
from lmao.tracking.mlflow_client import experiment_id, mlflow_errors, open_client
from lmao.tracking.mlflow_run import MlflowTracker, as_parameters, as_text
from lmao.tracking.tracker import copy_files
from lmao.tracking.trial import RunTrial

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

OWN_DEFAULT = "sqlite:///mlflow.db"  # where `mlflow ui` looks without being told
PARENT_TAG = "mlflow.parentRunId"
TRIAL_TAG = "trial"  # the number in its study
KEY_TAG = "key"  # by which a run is found that was made by a process which died before it could tell
MOST = 50_000  # runs that MLflow lists at once


class MlflowStore:
    """All methods raise UserError where the store can't be opened, read or written."""

    def __init__(self, config: MlflowTracking) -> None:
        self.config = config
        self._uri = config.uri

    @property
    def uri(self) -> str:
        return without_passwords(absolute(self._uri))

    @property
    def command(self) -> str:
        if self._uri == OWN_DEFAULT:
            return "mlflow ui"
        if scheme(self._uri) in ("http", "https"):
            return without_passwords(self._uri)
        return f"mlflow ui --backend-store-uri {shlex.quote(typed(self._uri))}"

    def prepare(self, storage: str) -> None:
        with mlflow_errors(self._uri):
            if absolute(self._uri) == storage:  # both call their table of versions the same
                raise UserError("tracking.uri and hydra.sweeper.storage are one database", advice="give each its own")
            open_client(self._uri)

    def open_run(self, name: str, trial: RunTrial, key: str | None = None) -> MlflowTracker:
        """key: of a run that may have been made before."""
        study = trial.study or self.config.study
        tags, parent = {"study": study} if study else {}, trial.parent_run_id
        if parent is not None:
            tags |= {PARENT_TAG: parent, TRIAL_TAG: str(trial.number)}
        return self._create(name, tags, parent) if key is None else self._found_or_made(name, tags, key, parent)

    def open_study(self, study: str, key: str, values: Mapping[str, Any], run_id: str | None, done: bool) -> str:
        with mlflow_errors(self._uri):
            client = open_client(self._uri)
            known = None if run_id is None else _active(client, run_id)
            if known is not None and not done:
                client.update_run(known.info.run_id, status="RUNNING")
        if known is None:
            tracker = self._found_or_made(study, {"study": study}, key)
        else:
            tracker = MlflowTracker(client, known.info.run_id, self._uri)
        with mlflow_errors(self._uri):
            told = client.get_run(tracker.run_id).data
        texts = as_parameters(values)
        tracker.parameters({name: text for name, text in texts.items() if name not in told.params})
        # A parameter stays what it was: what a later call says otherwise, as n_trials, is a tag.
        changed = {name for name, text in texts.items() if told.params.get(name, text) != text}
        tracker.tags({name: texts[name] for name in texts if name in changed or name in told.tags})
        return tracker.run_id

    def end_study(
        self, run_id: str | None, status: str, best: Mapping[str, Any], accuracy: float | None,
        files: Iterable[Path], warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        if run_id is None:
            return
        try:
            self._end_study(run_id, status, best, accuracy, files, warn)
        except Away as error:
            warn(f"MLflow is away ({error.what}): the study's run there is as it was; the same command ends it")

    def _end_study(
        self, run_id: str, status: str, best: Mapping[str, Any], accuracy: float | None, files: Iterable[Path],
        warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        with mlflow_errors(self._uri):
            tracker = MlflowTracker(open_client(self._uri), run_id, self._uri)
        tracker.tags({f"best.{name}": as_text(value) for name, value in best.items()})
        if accuracy is not None:
            tracker.metric("dev/best_accuracy", accuracy)
        copy_files(tracker, files, warn)
        tracker.close(status)

    def end_lost(self, run_id: str | None, failed: Collection[int]) -> None:
        if run_id is None:
            return
        with suppress(Away):  # the next call will do
            self._end_lost(run_id, failed)

    def _end_lost(self, run_id: str, failed: Collection[int]) -> None:
        with mlflow_errors(self._uri):
            client = open_client(self._uri)
            experiment, of_study = _of_study(client, run_id)
            told = client.search_runs(
                [experiment], f"{of_study} and tags.state = 'FAIL' and status != 'RUNNING'", max_results=MOST
            )
            unclear = sorted({*failed} - {int(run.data.tags[TRIAL_TAG]) for run in told})
            lost = [run for number in unclear for run in runs_of_trial(client, run_id, number)]
        for run in lost:
            tracker = MlflowTracker(client, run.info.run_id, self._uri)
            tracker.tags({"state": "FAIL"})
            tracker.close("KILLED")

    def _found_or_made(self, name: str, tags: dict[str, str], key: str, parent: str | None = None) -> MlflowTracker:
        with mlflow_errors(self._uri):
            client = open_client(self._uri)
            experiment, query = self._experiment(client, parent), f"tags.{KEY_TAG} = '{key}'"
            runs = client.search_runs([experiment], query)
            if not runs:
                self._create(name, {**tags, KEY_TAG: key}, parent)
                runs = client.search_runs([experiment], query)
            for again in runs[1:]:  # MLflow asks once more where no answer came, and the first may have been heard
                client.delete_run(again.info.run_id)
        return MlflowTracker(client, runs[0].info.run_id, self._uri)

    def _create(self, name: str, tags: dict[str, str], parent: str | None = None) -> MlflowTracker:
        with mlflow_errors(self._uri), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy are not the user's
            client = open_client(self._uri)
            from mlflow.tracking.context.registry import resolve_tags

            known = resolve_tags(tags)  # and who runs what, as MLflow's own runs say it
            run = client.create_run(self._experiment(client, parent), run_name=name, tags=known)
        return MlflowTracker(client, run.info.run_id, self._uri)

    def _experiment(self, client: "MlflowClient", parent: str | None) -> str:
        """A trial belongs into its study's, also where the study goes on with another `tracking.experiment`."""
        study = None if parent is None else _active(client, parent)
        return experiment_id(client, self.config.experiment) if study is None else str(study.info.experiment_id)


def runs_of_trial(client: "MlflowClient", run_id: str, number: int) -> "Sequence[Run]":
    """The latest first. run_id: of the trial's study."""
    experiment, of_study = _of_study(client, run_id)
    return client.search_runs([experiment], f"{of_study} and tags.{TRIAL_TAG} = '{number}'")


def _of_study(client: "MlflowClient", run_id: str) -> tuple[str, str]:
    """Its experiment, and what the runs of its trials have in common."""
    return client.get_run(run_id).info.experiment_id, f"tags.`{PARENT_TAG}` = '{run_id}'"


def _active(client: "MlflowClient", run_id: str) -> "Run | None":
    """None where it was deleted."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return run if run.info.lifecycle_stage == "active" else None
