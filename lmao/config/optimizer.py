"""conf/optimizer: Adam's settings."""

from typing import Annotated

from pydantic import Field

from lmao.config.fields import NonNegativeFloat, PositiveFloat, Section


class AdamOptimizer(Section):
    learn_rate: PositiveFloat
    beta1: Annotated[float, Field(ge=0, lt=1)]
    beta2: Annotated[float, Field(ge=0, lt=1)]
    eps: PositiveFloat
    L2: NonNegativeFloat
    grad_clip: NonNegativeFloat
