"""conf/vectors: tables of static vectors, read or trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmao.config.fields import Count, Positive, PositiveFloat, Section


class Table(Section):
    normalize: bool


class FloretVectors(Table):
    name: Literal["floret"]
    mode: Literal["words", "floret"]
    dims: Positive
    epochs: Positive
    min_count: Positive
    window: Positive
    negatives: Positive
    minn: Count
    maxn: Count
    buckets: Positive
    hash_count: Annotated[int, Field(ge=1, le=4)]
    learn_rate: PositiveFloat
    threads: Positive

    @model_validator(mode="after")
    def _floret_mode_needs_subwords(self) -> "FloretVectors":
        if self.minn > self.maxn:
            raise ValueError(f"minn ({self.minn}) must not be above maxn ({self.maxn})")
        if self.mode == "floret" and self.minn < 2:
            raise ValueError("mode=floret stores subwords of 2 letters or more: set minn and maxn, 4 and 5 for example")
        return self


class DocumentVectors(Table):
    name: Literal["document"]
    dims: Positive
    epochs: Positive
    ngrams: Annotated[int, Field(ge=1, le=3)]
    min_count: Positive
    alpha: PositiveFloat
    negatives: Positive
    subsample: PositiveFloat
    learn_rate: PositiveFloat
    threads: Positive


class GloveVectors(Table):
    name: Literal["glove"]
    path: str
    dims: Positive


class Word2vecVectors(Table):
    name: Literal["word2vec"]
    path: str


class SpacyVectors(Table):
    name: Literal["spacy"]
    path: str


class NoVectors(Section):
    name: Literal["none"]


class SameVectors(Section):
    name: Literal["same"]


AnyTable = Annotated[
    FloretVectors | DocumentVectors | GloveVectors | Word2vecVectors | SpacyVectors | NoVectors | SameVectors,
    Field(discriminator="name"),
]
