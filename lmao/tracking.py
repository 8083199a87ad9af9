"""Where a run's parameters, metrics and files go: MLflow, or nowhere. Only this and `mlflow_store` import mlflow."""

import json
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lmao.config import AnyTracking, MlflowTracking
from lmao.errors import UserError
from lmao.mlflow_store import experiment_id, open_client, told
from lmao.stop import Stopped

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric


class Tracker(Protocol):
    """What a run tells about itself, while it runs."""

    run_id: str | None

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Plain values; nested mappings become dotted keys."""

    def tags(self, values: Mapping[str, str]) -> None: ...

    def dataset(self, name: str, digest: str, source: str, context: str) -> None:
        """An input of the run; `context` says what for ("training", "pretraining")."""

    def metric(self, name: str, value: float, step: int | None = None) -> None: ...

    def artifact(self, path: Path) -> None:
        """Copy a file or a folder."""


class NullTracker:
    """For tracking=off: takes everything, keeps nothing."""

    run_id: str | None = None

    def parameters(self, values: Mapping[str, Any]) -> None: ...
    def tags(self, values: Mapping[str, str]) -> None: ...
    def dataset(self, name: str, digest: str, source: str, context: str) -> None: ...
    def metric(self, name: str, value: float, step: int | None = None) -> None: ...
    def artifact(self, path: Path) -> None: ...


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

        parameters = [Param(key, _plain(value)[:MAX_PARAM_VAL_LENGTH]) for key, value in _flatten(values)]
        with told(self._uri):
            for i in range(0, len(parameters), MAX_PARAMS_TAGS_PER_BATCH):
                self._client.log_batch(self._run, params=parameters[i : i + MAX_PARAMS_TAGS_PER_BATCH])

    def tags(self, values: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        with told(self._uri):
            self._client.log_batch(self._run, tags=[RunTag(key, value) for key, value in values.items()])

    def dataset(self, name: str, digest: str, source: str, context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT
        from mlflow.utils.validation import MAX_DATASET_DIGEST_SIZE

        dataset = Dataset(name, digest[:MAX_DATASET_DIGEST_SIZE], "local", json.dumps({"uri": source}))
        with told(self._uri):
            tags = [InputTag(MLFLOW_DATASET_CONTEXT, context)]
            self._client.log_inputs(self._run, datasets=[DatasetInput(dataset, tags)])

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
        """Write what is pending, then end the run as FINISHED, FAILED or KILLED."""
        self._thread.submit(self._write_pending)  # once more, if the store was busy
        self._thread.shutdown(wait=True)
        with told(self._uri):
            lost = self._failure is not None and status == "FINISHED"
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
def open_tracker(config: AnyTracking, name: str) -> Iterator[Tracker]:
    """A run called `name`: FINISHED at the end, KILLED by Ctrl-C or SIGTERM, FAILED by any other exception.

    Raises:
        UserError: the store can't be opened or written.
    """
    if not isinstance(config, MlflowTracking):
        yield NullTracker()
        return
    with told(config.uri), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy are not the user's
        client = open_client(config.uri)
        experiment = experiment_id(client, config.experiment)
        run = client.create_run(experiment, run_name=name, tags={"study": config.study} if config.study else {})
    tracker = MlflowTracker(client, run.info.run_id, config.uri)
    try:
        yield tracker
    except BaseException as error:
        with suppress(UserError):  # what stopped the run is the news
            tracker.close("KILLED" if isinstance(error, (KeyboardInterrupt, Stopped)) else "FAILED")
        raise
    tracker.close("FINISHED")


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
