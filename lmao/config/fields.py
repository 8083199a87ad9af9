"""What the sections of the config are made of: a closed section, and the ranges that numbers keep to."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
DropoutRate = Annotated[float, Field(ge=0, le=0.99)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A part of the config: typed, closed to unknown keys, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)
