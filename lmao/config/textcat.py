"""conf/textcat: the classifiers."""

from typing import Annotated, Literal

from pydantic import Field

from lmao.config.fields import DropoutRate, Mark, Positive, PositiveFloat, Section


class CnnTextcat(Section):
    """textcat=cnn: the encoder, a mean over the text and a softmax, fine-tuned."""

    name: Literal["cnn"]
    init: Literal["probe", "fresh"]
    probed_rate: Annotated[float, Field(gt=0, le=1)]
    epochs: Positive
    patience: Positive
    batch_size: Annotated[Positive, Mark.MIXED]
    dropout: Annotated[DropoutRate, Mark.MIXED]
    vector_dropout: Annotated[DropoutRate, Mark.MIXED]
    early_stopping_examples: Positive


class LinearTextcat(Section):
    """textcat=linear: a logistic regression, on word n-grams or on vectors of texts."""

    name: Literal["linear"]
    features: Literal["ngrams", "mean", "document"]
    ngrams: Annotated[int, Field(ge=1, le=5)]
    min_count: Positive
    smoothing: PositiveFloat
    C: PositiveFloat


AnyTextcat = Annotated[CnnTextcat | LinearTextcat, Field(discriminator="name")]
