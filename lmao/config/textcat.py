"""conf/textcat: the classifiers."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from lmao.config.fields import DropoutRate, Mark, Positive, Section


class EncoderTextcat(Section):
    """The encoder, a mean over the text and a softmax, fine-tuned."""

    init: Literal["probe", "fresh"]
    probed_rate: Annotated[float, Field(gt=0, le=1)]
    epochs: Positive
    patience: Positive
    batch_size: Annotated[Positive, Mark.MIXED]
    dropout: Annotated[DropoutRate, Mark.MIXED]
    vector_dropout: Annotated[DropoutRate, Mark.MIXED]
    early_stopping_examples: Positive


class CnnTextcat(EncoderTextcat):
    """textcat=cnn: that alone."""

    name: Literal["cnn"]


class AutoTextcat(EncoderTextcat):
    """textcat=auto: that and linear classifiers, and a combination of them, as the labels choose."""

    name: Literal["auto"]

    @field_validator("init")
    @classmethod
    def _is_probed(cls, init: str) -> str:
        if init != "probe":
            raise ValueError("textcat=auto judges the encoder's probe, too: leave it at probe, or choose textcat=cnn")
        return init


class LinearTextcat(Section):
    """textcat=linear: a logistic regression, on word n-grams, on latent semantic analysis or on vectors of texts."""

    name: Literal["linear"]
    features: Literal["ngrams", "lsa", "mean", "document"]

    @property
    def reads_vectors(self) -> bool:
        return self.features in ("mean", "document")


AnyTextcat = Annotated[AutoTextcat | CnnTextcat | LinearTextcat, Field(discriminator="name")]
