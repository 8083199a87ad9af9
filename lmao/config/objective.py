"""conf/objective: what pre-training predicts, and by which loss."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmao.config.fields import Count, NonNegativeFloat, PositiveFloat, Section


class Head(Section):
    hidden_size: Count
    maxout_pieces: Annotated[int, Field(ge=1, le=8)]


class WordObjective(Head):
    center: bool
    whiten: bool
    sif: PositiveFloat | None


class L2Objective(WordObjective):
    name: Literal["l2"]


class CosineObjective(WordObjective):
    name: Literal["cosine"]


class VmfObjective(WordObjective):
    name: Literal["vmf"]
    length_penalty: NonNegativeFloat
    alignment: PositiveFloat


class ContrastiveObjective(WordObjective):
    name: Literal["contrastive"]
    temperature: PositiveFloat


class TrigramObjective(WordObjective):
    name: Literal["trigram"]


class HeadObjective(WordObjective):
    name: Literal["head"]
    parser: str | None


class CharactersObjective(Head):
    name: Literal["characters"]
    characters: Annotated[int, Field(ge=1, le=16)]


class DocumentObjective(Head):
    name: Literal["document"]
    predict: Literal["window", "document"]
    contrastive: NonNegativeFloat
    temperature: PositiveFloat


AnyPart = Annotated[
    L2Objective
    | CosineObjective
    | VmfObjective
    | ContrastiveObjective
    | TrigramObjective
    | HeadObjective
    | CharactersObjective
    | DocumentObjective,
    Field(discriminator="name"),
]


class SumObjective(Section):
    name: Literal["sum"]
    parts: dict[str, AnyPart] = Field(min_length=1)
    weights: dict[str, PositiveFloat]

    @model_validator(mode="after")
    def _a_weight_each(self) -> "SumObjective":
        if set(self.parts) != set(self.weights):
            raise ValueError(
                f"weights are of {', '.join(self.weights)}, parts are {', '.join(self.parts)}: give each part a weight"
            )
        return self


AnyObjective = Annotated[AnyPart | SumObjective, Field(discriminator="name")]
