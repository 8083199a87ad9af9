"""One run in MLflow's store: what it reports is written, metrics in batches while it trains."""

import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmao.config.run import flat
from lmao.passwords import without_passwords
from lmao.stop import StopSignal
from lmao.tracking.mlflow_client import mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric


def allowed(name: str) -> str:
    """A setting's name as MLflow takes it: vectors_vectors.target of vectors@vectors.target, recipe of +recipe."""
    return re.sub(r"[^/\w.\- :]", "_", name.replace("+", ""))


class MlflowTracker:
    """One MLflow run. A write costs 20 ms: a thread writes metrics, all that have come since its last write at once.

    Raises:
        UserError: the store fails; for metrics, at the next call.
    """

    destination = "MLflow"

    def __init__(self, client: "MlflowClient", run_id: str, uri: str) -> None:
        self.run_id = run_id
        self._client = client
        self._uri = uri
        self._pending: list[Metric] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._failure: Exception | None = None

    def parameters(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param
        from mlflow.utils.validation import MAX_PARAMS_TAGS_PER_BATCH

        parameters = [Param(name, value) for name, value in as_parameters(values).items()]
        with mlflow_errors(self._uri):
            for i in range(0, len(parameters), MAX_PARAMS_TAGS_PER_BATCH):
                self._client.log_batch(self.run_id, params=parameters[i : i + MAX_PARAMS_TAGS_PER_BATCH])

    def tags(self, values: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        with mlflow_errors(self._uri):
            self._client.log_batch(self.run_id, tags=[RunTag(allowed(key), value) for key, value in values.items()])

    def dataset(self, name: str, digest: str, source: str, context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException
        from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT
        from mlflow.utils.validation import MAX_DATASET_DIGEST_SIZE

        dataset = Dataset(name, digest[:MAX_DATASET_DIGEST_SIZE], "local", json.dumps({"uri": source}))
        inputs = [DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, context)])]
        with mlflow_errors(self._uri):
            try:
                self._client.log_inputs(self.run_id, datasets=inputs)
            except MlflowException:  # another run logged this dataset at the same moment
                self._client.log_inputs(self.run_id, datasets=inputs)

    def metric(self, name: str, value: float, step: int | None = None, when: int | None = None) -> None:
        """when: in milliseconds since 1970, where it isn't now."""
        from mlflow.entities import Metric

        with StopSignal.uninterrupted():  # a thread that starts must not be cut off
            self._pending.append(Metric(name, float(value), now() if when is None else when, step or 0))
            self._thread.submit(self._write_pending)

    def artifact(self, path: Path) -> None:
        with mlflow_errors(self._uri):
            if path.is_dir():
                self._client.log_artifacts(self.run_id, str(path), artifact_path=path.name)
            else:
                self._client.log_artifact(self.run_id, str(path))

    def close(self, status: str) -> None:
        """Write what is pending, then end the run as FINISHED, FAILED or KILLED, or leave it RUNNING."""
        with mlflow_errors(self._uri):
            self._thread.submit(self._write_pending)  # once more, if the store was busy
            self._thread.shutdown(wait=True)
            lost = self._failure is not None and status == "FINISHED"
            if status != "RUNNING":
                self._client.set_terminated(self.run_id, "FAILED" if lost else status)
            if self._failure is not None:
                raise self._failure

    def abandon(self) -> None:
        """What is pending is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._pending = []

    def _write_pending(self) -> None:
        from mlflow.utils.validation import MAX_METRICS_PER_BATCH

        self._failure = None
        try:
            while batch := self._pending[:MAX_METRICS_PER_BATCH]:
                self._client.log_batch(self.run_id, metrics=batch)
                del self._pending[: len(batch)]  # only this thread deletes; what could not be written stays
        except Exception as error:
            self._failure = error


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return time.time_ns() // 1_000_000


def as_parameters(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as MLflow keeps them."""
    from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH

    texts = {allowed(name): without_passwords(as_text(value)) for name, value in flat(values).items()}
    return {name: text[:MAX_PARAM_VAL_LENGTH] for name, text in texts.items()}


def as_text(value: Any) -> str:
    """A plain value as MLflow keeps it: JSON, but for a string."""
    return value if isinstance(value, str) else json.dumps(value)
