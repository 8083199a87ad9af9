"""From token types to rows of the hash embeddings, as spaCy's MultiHashEmbed finds them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HASH_SEEDS = (8, 9, 10, 11)  # what MultiHashEmbed gives its tables


def hash_rows(types: NDArray[np.uint64], embed_rows: Sequence[int]) -> NDArray[np.int32]:
    """The four rows in the table of each of the first features, (types, features, 4), counted through the tables laid
    end to end. embed_rows: how many each has."""
    from thinc.api import NumpyOps

    ops = NumpyOps()
    rows = np.empty((len(types), len(embed_rows), 4), dtype=np.int32)
    start = 0
    for feature, (seed, size) in enumerate(zip(HASH_SEEDS, embed_rows, strict=False)):
        ids = np.ascontiguousarray(types[:, feature])
        rows[:, feature] = ops.hash(ids, seed) % size + start
        start += size
    return rows
