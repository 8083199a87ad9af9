"""From vectors back to words: the nearest rows of a table by cosine."""

import numpy as np
from numpy.typing import NDArray

from lmao.parameters import Floats

BLOCK = 8192  # rows of the table a product takes: the similarities of a block stay in the cache


def unit_rows(table: Floats) -> Floats:
    """Rows at length 1; zeros stay zeros."""
    norms = np.linalg.norm(table, axis=1, keepdims=True)
    units: Floats = table / np.maximum(norms, np.float32(1e-12))
    return units


def nearest(queries: Floats, units: Floats) -> NDArray[np.int64]:
    """The row of the unit-length table (rows, dims) most similar to each query (n, dims): (n,), exact."""
    best = np.full(len(queries), -np.inf, dtype=np.float32)
    rows = np.zeros(len(queries), dtype=np.int64)
    for start in range(0, len(units), BLOCK):
        similarity = queries @ units[start : start + BLOCK].T
        place = similarity.argmax(axis=1)
        value = similarity[np.arange(len(queries)), place]
        better = value > best
        best[better] = value[better]
        rows[better] = place[better] + start
    return rows
