"""Which units are dropped: a key fixes all masks, so that a resumed run drops the same."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lmao.engine import kernels
from lmao.engine.parameters import Floats
from lmao.engine.splitmix import STEP
from lmao.streams import stream

FEATURES = ("lower", "prefix", "suffix", "shape")


@dataclass(frozen=True)
class Dropout:
    """rate: each unit after a maxout layer, and each dimension of the hash embeddings over the batch (as in spaCy);
    vector_rate: each dimension of the projected static vectors over the batch. key fixes all masks."""

    rate: float
    vector_rate: float
    key: int

    def masks(self, width: int) -> Floats:
        """(5, width): a mask for each hashed feature and one for the static vectors."""
        if not self.rate and not self.vector_rate:
            return np.ones((len(FEATURES) + 1, width), dtype=np.float32)
        draws = stream(self.key, "dimensions").random((len(FEATURES) + 1, width), dtype=np.float32)
        rates = np.array([self.rate] * len(FEATURES) + [self.vector_rate], dtype=np.float32)[:, None]
        return (draws >= rates) / (np.float32(1) - rates)

    def layer(self, number: int) -> tuple[Any, Any, Any]:
        """key, threshold and scale for the kernels."""
        threshold = round(self.rate * kernels.LEVELS)
        scale = kernels.LEVELS / (kernels.LEVELS - threshold)
        key = (self.key * int(STEP) + number * 0xD1B54A32D192ED03) % (1 << 64)
        return np.uint64(key), np.uint64(threshold), np.float32(scale)


NO_DROPOUT = Dropout(0.0, 0.0, 0)
