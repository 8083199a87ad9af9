"""conf/textcat: the classifiers."""

from typing import Annotated, Literal

from pydantic import Field

from lmao.config.fields import DropoutRate, Positive, PositiveFloat, Section


class CnnTextcat(Section):
    name: Literal["cnn"]
    init: Literal["probe", "fresh"]
    epochs: Positive
    patience: Positive
    batch_size: Positive
    dropout: DropoutRate
    vector_dropout: DropoutRate
    early_stopping_examples: Positive


class LinearTextcat(Section):
    name: Literal["linear"]
    features: Literal["ngrams", "mean", "document"]
    ngrams: Annotated[int, Field(ge=1, le=5)]
    min_count: Positive
    smoothing: PositiveFloat
    C: PositiveFloat


AnyTextcat = Annotated[CnnTextcat | LinearTextcat, Field(discriminator="name")]
