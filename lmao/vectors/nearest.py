"""The exact search: a product of queries and rows block by block, of which one pass keeps the best."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from lmao.engine.compiling import Floats2d, Integer, Ints2d, kernel
from lmao.engine.parameters import Floats
from lmao.engine.team import ONE_BLAS_THREAD

# Similarities of a block stay in the second cache. Fixed, whatever the threads: so is the rounding of the products.
QUERIES_AT_ONCE = 512
ROWS_AT_ONCE = 512
LANES = 64  # similarities looked at as one: most hold nothing better


def unit_rows(table: Floats) -> Floats:
    """Rows at length 1; zeros stay zeros."""
    norms = np.linalg.norm(table, axis=1, keepdims=True)
    units: Floats = table / np.maximum(norms, np.float32(1e-12))
    return units


def nearest(queries: Floats, units: Floats, k: int = 1, threads: int = 1) -> tuple[NDArray[np.int64], Floats]:
    """The k rows of the unit-length table (rows, dims) most similar to each query (n, dims), exactly.

    Returns rows (n, k) int64 and their cosines (n, k) float32, the best first, of equals the first in the table; as
    many as the table has where it has fewer than k. The cosine of a row or a query of zeros is 0.
    """
    queries = np.ascontiguousarray(unit_rows(queries), dtype=np.float32)
    units = np.ascontiguousarray(units, dtype=np.float32)
    k = min(k, len(units))
    rows = np.zeros((len(queries), k), dtype=np.int64)
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)

    def search(start: int) -> None:
        part = slice(start, start + QUERIES_AT_ONCE)
        _search(queries[part], units, rows[part], best[part])

    with ONE_BLAS_THREAD, ThreadPoolExecutor(threads) as pool:
        list(pool.map(search, range(0, len(queries), QUERIES_AT_ONCE)))
    return rows, best


def _search(queries: Floats, units: Floats, rows: NDArray[np.int64], best: Floats) -> None:
    buffer = np.empty(len(queries) * ROWS_AT_ONCE, dtype=np.float32)
    for start in range(0, len(units), ROWS_AT_ONCE):
        block = units[start : start + ROWS_AT_ONCE]
        similarities = buffer[: len(queries) * len(block)].reshape(len(queries), len(block))
        np.matmul(queries, block.T, out=similarities)
        _keep(similarities, start, rows, best)


@kernel
def _keep(similarities: Floats2d, first: Integer, rows: Ints2d, best: Floats2d) -> None:
    """Insert what is better than the worst of each query's best, (n, k) in descending order."""
    last = rows.shape[1] - 1
    for i in range(similarities.shape[0]):
        for start in range(0, similarities.shape[1], LANES):
            lanes = similarities[i, start : start + LANES]
            worst = best[i, last]
            better = 0
            for j in range(lanes.shape[0]):
                better |= lanes[j] > worst
            if not better:
                continue
            for j in range(lanes.shape[0]):
                place = last
                if lanes[j] > best[i, last]:
                    while place > 0 and best[i, place - 1] < lanes[j]:
                        best[i, place], rows[i, place] = best[i, place - 1], rows[i, place - 1]
                        place -= 1
                    best[i, place], rows[i, place] = lanes[j], first + start + j
