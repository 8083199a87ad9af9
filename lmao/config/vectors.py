"""conf/vectors: tables of static vectors, read or trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmao.config.fields import Count, Mark, Positive, PositiveFloat, Section


class Table(Section):
    """What every table has: whether its rows are scaled to length 1."""

    normalize: bool


class FloretVectors(Table):
    """vectors=floret: trained on the run's texts, for whole words or for their subwords."""

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
    """vectors=document: n-grams trained to be near the documents that they occur in.

    None of `epochs`, `ngrams` or `min_count`: by the corpus, see `lmao.run.scale`; of `threads`: as many as the run's.
    """

    name: Literal["document"]
    dims: Positive
    epochs: Positive | None
    ngrams: Annotated[int, Field(ge=1, le=3)] | None
    min_count: Positive | None
    alpha: PositiveFloat
    negatives: Positive
    subsample: PositiveFloat
    learn_rate: PositiveFloat
    threads: Annotated[Positive | None, Mark.NOT_SCIENCE]


class GloveVectors(Table):
    """vectors=glove: read from a text file without a header line. path: None where the table isn't used."""

    name: Literal["glove"]
    path: Annotated[str | None, Mark.NOT_SCIENCE]
    dims: Positive


class Word2vecVectors(Table):
    """vectors=word2vec: read from a text or binary file of word2vec or fastText."""

    name: Literal["word2vec"]
    path: Annotated[str, Mark.NOT_SCIENCE]


class SpacyVectors(Table):
    """vectors=spacy: those of an installed pipeline, or of the folder of one."""

    name: Literal["spacy"]
    path: Annotated[str, Mark.NOT_SCIENCE]


class NoVectors(Section):
    """vectors=none: no table."""

    name: Literal["none"]


class SameVectors(Section):
    """vectors@vectors.target=same: the input's table is predicted too."""

    name: Literal["same"]


AnyTable = Annotated[
    FloretVectors | DocumentVectors | GloveVectors | Word2vecVectors | SpacyVectors | NoVectors | SameVectors,
    Field(discriminator="name"),
]
