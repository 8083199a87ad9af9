"""Which words of a batch are predicted, and what the encoder sees in their place (Devlin et al. 2019)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmao import config
from lmao.encoder import Texts

MASK_TYPE = 0


@dataclass(frozen=True)
class Masked:
    """texts with words replaced; rows (predicted,) int64, ascending; what stood there; their documents' lengths."""

    texts: Texts
    rows: NDArray[np.int64]
    types: NDArray[np.int32]
    lengths: NDArray[np.int64]


class Masking:
    """counts (types,): how often each type occurs, for random words; predictable (types,) bool: it has a target."""

    def __init__(self, settings: config.Pretrain, counts: NDArray[np.int64], predictable: NDArray[np.bool_]) -> None:
        self._settings = settings
        self._cumulative = np.cumsum(counts * predictable)
        self._predictable = predictable

    def __call__(self, texts: Texts, generator: np.random.Generator) -> Masked:
        s = self._settings
        ids = texts.ids.copy()
        chance, kind = generator.random((2, len(ids)), dtype=np.float32)
        rows = np.flatnonzero((chance < s.mask_rate) & (ids >= 0) & self._predictable[ids])
        types = ids[rows]
        kind = kind[rows]
        ids[rows[kind < s.mask_symbol]] = MASK_TYPE
        random = rows[(kind >= s.mask_symbol) & (kind < s.mask_symbol + s.random_word)]
        draws = generator.integers(self._cumulative[-1], size=len(random))
        ids[random] = np.searchsorted(self._cumulative, draws, side="right")
        owner = np.searchsorted(texts.starts, rows, side="right") - 1
        return Masked(replace(texts, ids=ids), rows, types, texts.document_lengths[owner])
