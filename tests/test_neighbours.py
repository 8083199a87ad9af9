"""The nearest row, exactly, also where the table takes several blocks."""

import numpy as np

from lmao.neighbours import BLOCK, nearest, unit_rows


def test_nearest_is_the_most_similar_row_of_all_blocks() -> None:
    generator = np.random.default_rng(0)
    units = unit_rows(generator.normal(size=(2 * BLOCK + 10, 8)).astype(np.float32))
    rows = np.array([0, BLOCK - 1, BLOCK, 2 * BLOCK + 9])
    queries = units[rows] + generator.normal(0, 0.01, (4, 8)).astype(np.float32)
    np.testing.assert_array_equal(nearest(queries, units), (queries @ units.T).argmax(axis=1))
    np.testing.assert_array_equal(nearest(units[rows], units), rows)


def test_zero_rows_stay_zero() -> None:
    assert not unit_rows(np.zeros((2, 3), dtype=np.float32)).any()
