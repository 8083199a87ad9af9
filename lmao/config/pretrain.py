"""conf/pretrain: how long and on what the encoder is pre-trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmao.config.fields import Count, DropoutRate, Mark, Positive, PositiveFloat, Share
from lmao.config.optimizer import AdamOptimizer


class Pretrain(AdamOptimizer):
    """Pre-training: its length, its masks, its batches, and how a classifier's updates are mixed in.

    None of `epochs` or `window_words`: by the corpus, see `lmao.run.scale`.
    """

    epochs: Annotated[Count | None, Mark.APART]
    mask_rate: Share
    mask_symbol: Share
    random_word: Share
    span: Annotated[float, Field(ge=1, le=100)]
    vector_dropout: DropoutRate
    dropout: DropoutRate
    batch_words: Positive
    window_words: Annotated[int, Field(ge=4)] | None
    warmup_steps: Count
    schedule: Literal["constant", "inverse_sqrt"]
    heldout: Annotated[float, Field(gt=0, le=0.5)]
    epoch_words: Positive | None
    mode: Annotated[Literal["pretrain", "interleave", "both"], Mark.MIXED]
    mix: Annotated[Share, Mark.MIXED]
    mix_end: Annotated[Share | None, Mark.MIXED]
    mix_steps: Annotated[Positive, Mark.MIXED]
    mixed_epochs: Annotated[Positive, Mark.APART]
    seed: Annotated[Count | None, Mark.APART]
    from_: Annotated[str | None, Field(alias="from"), Mark.NOT_SCIENCE, Mark.APART]
    save_minutes: Annotated[PositiveFloat, Mark.APART]

    @model_validator(mode="after")
    def _replacements_are_shares(self) -> "Pretrain":
        if self.mask_symbol + self.random_word > 1 + 1e-9:
            raise ValueError(
                f"mask_symbol + random_word is {self.mask_symbol + self.random_word:g}, more than 1: "
                "what is left over is the share of masked words that keep their form"
            )
        return self
