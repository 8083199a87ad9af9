"""conf/encoder: the shape of the encoder."""

from typing import Annotated, Literal

from pydantic import Field

from lmao.config.fields import Mark, Positive, Section


class CnnEncoder(Section):
    """Widths and depth of the CNN, the same as of spaCy's tok2vec."""

    # While there is one kind, its name is no part of any key: caches and studies are older than it.
    name: Annotated[Literal["cnn"], Mark.NOT_SCIENCE]
    width: Positive
    depth: Positive  # spaCy has no encoder of no layer to export to
    window_size: Annotated[int, Field(ge=1, le=5)]
    maxout_pieces: Annotated[int, Field(ge=1, le=8)]
    embed_rows: Annotated[list[Positive], Field(min_length=4, max_length=4)]
    static_vectors: bool


AnyEncoder = CnnEncoder  # of several: Annotated[CnnEncoder | …, Field(discriminator="name")]
