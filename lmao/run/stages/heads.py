"""The line `heads`: the corpus comes in; where each token's syntactic head stands goes out, if a part predicts it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.config.objective import HeadObjective
from lmao.corpus.corpus import Corpus
from lmao.corpus.syntax import find_heads
from lmao.data.document import Source
from lmao.run.context import Context


@dataclass(frozen=True)
class Heads:
    """by_parser: (tokens,) int32 for each `objective.parser`, see `lmao.corpus.syntax`; digest: None for no heads."""

    by_parser: Mapping[str | None, NDArray[np.int32]]
    digest: str | None


def syntactic_heads(context: Context, source: Source, corpus: Corpus) -> Heads:
    """From the cache, the data or the parser of each part that predicts heads.

    Raises:
        UserError: no document has a tree; the parser is missing or can't be loaded.
    """
    settings = context.settings
    parts = [part for part, _ in settings.parts.values() if settings.pretrains and isinstance(part, HeadObjective)]
    parsers = [part.parser for part in parts]
    heads: dict[str | None, NDArray[np.int32]] = {}
    digests: dict[str | None, str] = {}
    for parser in dict.fromkeys(parsers):
        with context.timed("heads"), context.console.stage("heads", len(corpus.tokens)) as stage:
            heads[parser], digests[parser] = find_heads(
                corpus, source, settings.data.language, parser, context.cache, context.team.threads, stage.advance
            )
            stage.done(f"{(heads[parser] != 0).mean():.1%} of the tokens have one")
    return Heads(heads, "".join(digests[parser] for parser in parsers) or None)
