"""conf/encoder: the shape of the encoder."""

from typing import Annotated

from pydantic import Field

from lmao.config.fields import Count, Positive, Section


class CnnEncoder(Section):
    width: Positive
    depth: Count
    window_size: Annotated[int, Field(ge=1, le=5)]
    maxout_pieces: Annotated[int, Field(ge=1, le=8)]
    embed_rows: Annotated[list[Positive], Field(min_length=4, max_length=4)]
    static_vectors: bool
