"""Runs and studies in MLflow's store. Only this and `mlflow_store` import mlflow."""

import json
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmao.config.run import flat
from lmao.config.tracking import AnyTracking, MlflowTracking
from lmao.database import absolute
from lmao.errors import AlreadyRun, Pruned, UserError
from lmao.passwords import masked
from lmao.stop import Stopped
from lmao.tracking.mlflow_store import experiment_id, open_client, told
from lmao.tracking.tracker import NullTracker, Tracker, copy_files
from lmao.tracking.trial import Trial

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

PARENT_TAG = "mlflow.parentRunId"
TRIAL_TAG = "trial"  # the number in its study


class MlflowTracker:
    """One MLflow run. A write costs 20 ms: a thread writes metrics, as many at once as have come since its last write.

    Raises:
        UserError: the store fails; for metrics, at the next call.
    """

    def __init__(self, client: "MlflowClient", run_id: str, uri: str) -> None:
        self.run_id: str | None = run_id
        self._run = run_id
        self._client = client
        self._uri = uri
        self._pending: list[Metric] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._failure: Exception | None = None

    def parameters(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param
        from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH, MAX_PARAMS_TAGS_PER_BATCH

        written = {key: masked(_plain(value)) for key, value in flat(values).items()}
        parameters = [Param(key, value[:MAX_PARAM_VAL_LENGTH]) for key, value in written.items()]
        with told(self._uri):
            for i in range(0, len(parameters), MAX_PARAMS_TAGS_PER_BATCH):
                self._client.log_batch(self._run, params=parameters[i : i + MAX_PARAMS_TAGS_PER_BATCH])

    def tags(self, values: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        with told(self._uri):
            self._client.log_batch(self._run, tags=[RunTag(key, value) for key, value in values.items()])

    def dataset(self, name: str, digest: str, source: str, context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException
        from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT
        from mlflow.utils.validation import MAX_DATASET_DIGEST_SIZE

        dataset = Dataset(name, digest[:MAX_DATASET_DIGEST_SIZE], "local", json.dumps({"uri": source}))
        inputs = [DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, context)])]
        with told(self._uri):
            try:
                self._client.log_inputs(self._run, datasets=inputs)
            except MlflowException:  # a run elsewhere was the first to tell of this dataset at the same moment
                self._client.log_inputs(self._run, datasets=inputs)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        from mlflow.entities import Metric

        self._pending.append(Metric(name, float(value), time.time_ns() // 1_000_000, step or 0))
        self._thread.submit(self._write_pending)

    def artifact(self, path: Path) -> None:
        with told(self._uri):
            if path.is_dir():
                self._client.log_artifacts(self._run, str(path), artifact_path=path.name)
            else:
                self._client.log_artifact(self._run, str(path))

    def close(self, status: str) -> None:
        """Write what is pending, then end the run as FINISHED, FAILED or KILLED, or leave it RUNNING."""
        self._thread.submit(self._write_pending)  # once more, if the store was busy
        self._thread.shutdown(wait=True)
        with told(self._uri):
            lost = self._failure is not None and status == "FINISHED"
            if status != "RUNNING":
                self._client.set_terminated(self._run, "FAILED" if lost else status)
            if self._failure is not None:
                raise self._failure

    def _write_pending(self) -> None:
        from mlflow.utils.validation import MAX_METRICS_PER_BATCH

        self._failure = None
        try:
            while batch := self._pending[:MAX_METRICS_PER_BATCH]:
                self._client.log_batch(self._run, metrics=batch)
                del self._pending[: len(batch)]  # only this thread deletes; what could not be written stays
        except Exception as error:
            self._failure = error


@contextmanager
def open_tracker(config: AnyTracking, name: str, trial: Trial) -> Iterator[Tracker]:
    """A run called `name`: FINISHED at the end, KILLED by Ctrl-C, SIGTERM or its study's pruner, FAILED by any other
    exception. That of a trial is a child of its study's run, and its tag `state` says what Optuna does.

    Raises:
        UserError: the store can't be opened or written.
    """
    if not isinstance(config, MlflowTracking):
        yield NullTracker()
        return
    study = trial.study or config.study
    tags = {"study": study} if study else {}
    if trial.parent_run_id is not None:
        tags |= {PARENT_TAG: trial.parent_run_id, TRIAL_TAG: str(trial.number)}
    client, run_id = _create_run(config, name, tags)
    tracker = MlflowTracker(client, run_id, config.uri)
    try:
        yield tracker
    except AlreadyRun as known:
        tracker.metric("dev/best_accuracy", known.accuracy)
        tracker.tags({"reused": known.where, "state": "COMPLETE"})
        tracker.close("FINISHED")
        raise
    except BaseException as error:
        stopped = isinstance(error, (KeyboardInterrupt, Stopped, Pruned))
        with suppress(UserError):  # what stopped the run is the news
            if trial.number is not None:
                tracker.tags({"state": "PRUNED" if isinstance(error, Pruned) else "FAIL"})
            tracker.close("KILLED" if stopped else "FAILED")
        raise
    if trial.number is not None:
        tracker.tags({"state": "COMPLETE"})
    tracker.close("FINISHED")


def reach_tracking(config: AnyTracking, storage: str) -> None:
    """Make MLflow's store where it isn't there. storage: Optuna's database, absolute.

    Raises:
        UserError: it can't be opened, or is that same database: both call their table of versions the same.
    """
    if not isinstance(config, MlflowTracking):
        return
    with told(config.uri):
        if absolute(config.uri) == storage:
            raise UserError("tracking.uri and hydra.sweeper.storage are one database: give each its own")
        open_client(config.uri)


def open_study_run(config: AnyTracking, study: str, values: Mapping[str, Any], run_id: str | None) -> str | None:
    """The run that is the parent of a study's trials: made, or marked as running again; None where nothing is tracked.

    run_id: the one it had, which may be gone: deleted, or in another store.

    Raises:
        UserError: the store can't be opened or written.
    """
    if not isinstance(config, MlflowTracking):
        return None
    with told(config.uri):
        client = open_client(config.uri)
        if run_id is not None and _is_there(client, run_id):
            client.update_run(run_id, status="RUNNING")
            return run_id
    client, run_id = _create_run(config, study, {"study": study})
    MlflowTracker(client, run_id, config.uri).parameters(values)
    return run_id


def _is_there(client: "MlflowClient", run_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def end_study_run(
    config: AnyTracking, run_id: str | None, status: str, best: Mapping[str, Any], accuracy: float | None,
    files: Iterable[Path], warn: Callable[[str], None],
) -> None:  # fmt: skip
    """What a study has come to: its best trial as tags and a metric, plots and the best model as artifacts, with a
    warning where these can't be copied.

    status RUNNING: other workers are at it still.

    Raises:
        UserError: the store can't be written.
    """
    if run_id is None or not isinstance(config, MlflowTracking):
        return
    with told(config.uri):
        tracker = MlflowTracker(open_client(config.uri), run_id, config.uri)
    tracker.tags({f"best.{name}": _plain(value) for name, value in best.items()})
    if accuracy is not None:
        tracker.metric("dev/best_accuracy", accuracy)
    copy_files(tracker, files, warn)
    tracker.close(status)


def end_lost_runs(config: AnyTracking, parent: str | None, running: Callable[[], Collection[int]]) -> None:
    """A study's runs that a kill left RUNNING: KILLED. running: the numbers of the trials that do run; it is called
    after MLflow was, as a trial begins before its run.

    Raises:
        UserError: the store can't be read or written.
    """
    if parent is None or not isinstance(config, MlflowTracking):
        return
    with told(config.uri):
        client = open_client(config.uri)
        query = f"tags.`{PARENT_TAG}` = '{parent}' and attributes.status = 'RUNNING'"
        found = client.search_runs([client.get_run(parent).info.experiment_id], query)
    numbers = running()
    for run in found:
        if int(run.data.tags[TRIAL_TAG]) not in numbers:
            tracker = MlflowTracker(client, run.info.run_id, config.uri)
            tracker.tags({"state": "FAIL"})
            tracker.close("KILLED")


def _create_run(config: MlflowTracking, name: str, tags: dict[str, str]) -> tuple["MlflowClient", str]:
    with told(config.uri), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy are not the user's
        client = open_client(config.uri)
        run = client.create_run(experiment_id(client, config.experiment), run_name=name, tags=tags)
    return client, run.info.run_id


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
