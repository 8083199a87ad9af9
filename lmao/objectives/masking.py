"""Which words of a batch are predicted, and what the encoder sees in their place (Devlin et al. 2019)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmao.config.pretrain import Pretrain
from lmao.corpus.batches import Texts

MASK_TYPE = 0


@dataclass(frozen=True)
class MaskedTexts:
    """texts with words replaced; rows (predicted,) int64, ascending; the types that stood there; lengths of their
    documents."""

    texts: Texts
    rows: NDArray[np.int64]
    types: NDArray[np.int32]
    lengths: NDArray[np.int64]


class Masking:
    """counts (types,): how often each type occurs, for random words; predictable (types,) bool: it has a target."""

    def __init__(self, settings: Pretrain, counts: NDArray[np.int64], predictable: NDArray[np.bool_]) -> None:
        self._settings = settings
        self._cumulative = np.cumsum(counts * predictable)
        self._predictable = predictable
        self._start_rate = start_rate(settings.mask_rate, settings.span)

    def __call__(self, texts: Texts, generator: np.random.Generator) -> MaskedTexts:
        s = self._settings
        if not self._start_rate:
            return MaskedTexts(texts, np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int64))
        ids = texts.ids.copy()
        chance, kind = generator.random((2, len(ids)), dtype=np.float32)
        chosen = chance < self._start_rate
        if s.span > 1:
            chosen, kind = spans(chosen, kind, s.span, generator)
        rows = np.flatnonzero(chosen & (ids >= 0) & self._predictable[ids])
        types = ids[rows]
        kind = kind[rows]
        ids[rows[kind < s.mask_symbol]] = MASK_TYPE
        random = rows[(kind >= s.mask_symbol) & (kind < s.mask_symbol + s.random_word)]
        draws = generator.integers(self._cumulative[-1], size=len(random))
        ids[random] = np.searchsorted(self._cumulative, draws, side="right")
        owner = np.searchsorted(texts.starts, rows, side="right") - 1
        return MaskedTexts(replace(texts, ids=ids), rows, types, texts.document_lengths[owner])


def spans(
    starts: NDArray[np.bool_], kind: NDArray[np.float32], mean: float, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which rows (rows,) are in a span, and what becomes of each: the same for a whole span, that of its start.

    Lengths are geometric, as in SpanBERT (Joshi et al. 2020), but not cut at 10. Spans run on over the border of a text
    into the next one, and from the last into the first, so that each row has the same chance; the later of two that
    overlap decides.
    """
    rows, places = len(starts), np.flatnonzero(starts)
    if not len(places):
        return starts, kind
    ends = places + np.minimum(generator.geometric(1 / mean, len(places)), rows)
    change = np.bincount(places, minlength=2 * rows + 1) - np.bincount(ends, minlength=2 * rows + 1)
    running = np.cumsum(change)
    covered = running[:rows] + running[rows : 2 * rows] > 0
    return covered, kind[places][np.cumsum(starts) - 1]


def start_rate(mask_rate: float, mean: float) -> float:
    """The chance q that a span starts at a row, so that a share mask_rate of the rows is in one.

    A row is in none with probability Π_d (1 - q r^d) over the rows d before it, r = 1 - 1/mean: a span that starts
    there reaches it with probability r^d.
    """
    if mean == 1 or mask_rate == 1:
        return mask_rate
    reach = np.power(1 - 1 / mean, np.arange(int(40 * mean)))
    low, high = 0.0, mask_rate
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if np.log1p(-middle * reach).sum() < np.log1p(-mask_rate) else (middle, high)
    return high
