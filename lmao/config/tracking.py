"""conf/tracking: where runs are recorded."""

from typing import Annotated, Literal

from pydantic import Field

from lmao.config.fields import Section


class Tracking(Section):
    keep_models: Literal["best", "all", "none"]


class MlflowTracking(Tracking):
    name: Literal["mlflow"]
    uri: str
    experiment: str
    study: str | None


class NoTracking(Tracking):
    name: Literal["off"]


AnyTracking = Annotated[MlflowTracking | NoTracking, Field(discriminator="name")]
