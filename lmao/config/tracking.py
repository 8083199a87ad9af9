"""conf/tracking: where runs are recorded."""

from typing import Annotated, Literal

from pydantic import Field

from lmao.config.fields import Section

URI_VARIABLE = "MLFLOW_TRACKING_URI"  # MLflow's own, as conf/tracking/mlflow.yaml reads it


class Tracking(Section):
    """Which of a sweep's models are kept."""

    keep_models: Literal["best", "all", "none"]


class MlflowTracking(Tracking):
    """tracking=mlflow: a store, and the experiment in it."""

    name: Literal["mlflow"]
    uri: str
    experiment: Annotated[str, Field(min_length=1)]
    study: str | None


class NoTracking(Tracking):
    """tracking=off: the run's folder alone."""

    name: Literal["off"]


AnyTracking = Annotated[MlflowTracking | NoTracking, Field(discriminator="name")]
