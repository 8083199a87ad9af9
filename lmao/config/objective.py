"""conf/objective: what pre-training predicts, and by which loss."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lmao.config.fields import Count, NonNegativeFloat, PositiveFloat, Section


class OutputSettings(Section):
    """A task's output layer: maxout + layer norm before the linear one, which is alone where hidden_size is 0."""

    of_words: ClassVar[bool] = True  # it predicts from masked words; False: from whole texts
    of_vectors: ClassVar[bool] = True  # what it predicts is made of the table's rows
    own_vector: ClassVar[bool] = False  # it is the masked word's own row, so that words can be looked up by it
    hidden_size: Count
    maxout_pieces: Annotated[int, Field(ge=1, le=8)]


class WordObjective(OutputSettings):
    """What predicts from masked words: how the predicted table is whitened, how words are weighed."""

    own_vector = True
    center: bool
    whiten: bool
    sif: PositiveFloat | None


class L2Objective(WordObjective):
    """objective=l2: the word's vector, by squared distance."""

    name: Literal["l2"]


class CosineObjective(WordObjective):
    """objective=cosine: the word's vector, by its direction."""

    name: Literal["cosine"]


class VmfObjective(WordObjective):
    """objective=vmf: the word's direction, as a von Mises-Fisher distribution."""

    name: Literal["vmf"]
    length_penalty: NonNegativeFloat
    alignment: PositiveFloat


class ContrastiveObjective(WordObjective):
    """objective=contrastive: the word's vector among those of the batch's other words."""

    name: Literal["contrastive"]
    temperature: PositiveFloat


class TrigramObjective(WordObjective):
    """objective=trigram: the vectors of the previous, the masked and the next word."""

    name: Literal["trigram"]


class HeadObjective(WordObjective):
    """objective=head: the vector of the word's syntactic head."""

    own_vector = False
    name: Literal["head"]
    parser: str | None


class CharactersObjective(OutputSettings):
    """objective=characters: the word's first and last bytes."""

    of_vectors = False
    name: Literal["characters"]
    characters: Annotated[int, Field(ge=1, le=16)]


class DocumentObjective(OutputSettings):
    """objective=document: the vector of the text, from its pooled encoding."""

    of_words = False
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
    """objective=sum: several of the others, weighed."""

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
