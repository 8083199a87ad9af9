"""The compiled loops compute what the slow ones in `reference` do."""

import numpy as np
import pytest

from lmao.encoder.dropout import Dropout
from lmao.engine import kernels
from lmao.engine.parameters import Floats
from tests.support import reference

N, PIECES, WIDTH = 13, 3, 10  # no multiple of a vector instruction's lanes
GENERATOR = np.random.default_rng(0)


def draw(*shape: int) -> Floats:
    return GENERATOR.normal(size=shape).astype(np.float32)


def close(found: Floats, expected: Floats) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_maxout_norm_and_its_backward() -> None:
    Z, b, G, shift, dY = draw(N, PIECES * WIDTH), draw(PIECES, WIDTH), draw(WIDTH), draw(WIDTH), draw(N, WIDTH)
    normed, which = np.empty((N, WIDTH), dtype=np.float32), np.empty((N, WIDTH), dtype=np.int8)
    scales, Y = np.empty(N, dtype=np.float32), np.empty((N, WIDTH), dtype=np.float32)
    kernels.maxout_norm(Z, b, G, shift, normed, which, scales, Y)
    close(Y, reference.maxout_norm(Z, b, G, shift))
    expected = reference.maxout_norm_backward(dY, Z, b, G)
    dZ, before = np.empty_like(Z), draw(PIECES + 2, WIDTH)
    sums = before.copy()
    kernels.maxout_norm_backward(dY.copy(), G, normed, which, scales, dZ, sums[:PIECES], sums[-2], sums[-1])
    close(dZ, expected["Z"])
    close(sums - before, np.concatenate([expected["b"], [expected["G"], expected["shift"]]]))


@pytest.mark.parametrize("reach", [1, 2])
def test_windows_of_some_rows_are_those_of_all(reach: int) -> None:
    X, d_out, d_residual = draw(60, WIDTH), draw(60, (2 * reach + 1) * WIDTH), draw(60, WIDTH)
    rows = np.flatnonzero(GENERATOR.random(60) < 0.2)
    rows = rows[(rows >= reach) & (rows < 60 - reach)]
    below, begins = np.empty(60 * (2 * reach + 1), dtype=np.int64), np.empty_like(rows)
    below = below[: kernels.dilate(rows, reach, below, begins)]
    assert below.tolist() == sorted({row + k for row in rows.tolist() for k in range(-reach, reach + 1)})

    out = np.empty((len(rows), d_out.shape[1]), dtype=np.float32)
    kernels.windows(X[below], begins, out)
    close(out, reference.windows(X, reach)[rows])

    expected = np.zeros_like(X)
    expected[rows] = d_residual[rows]
    for k in range(2 * reach + 1):
        expected[rows + k - reach] += d_out[rows, k * WIDTH : (k + 1) * WIDTH]
    dX = draw(len(below), WIDTH)
    kernels.windows_backward(d_out[rows], d_residual[rows], begins, dX)
    close(dX, expected[below])


def test_rows_are_gathered_and_dropped_out_by_their_place_in_the_batch() -> None:
    vectors, ids = draw(5, WIDTH), np.array([3, -1, 0, 3], dtype=np.int32)
    rows, layer = np.array([2, 3, 70, 71]), Dropout(0.4, 0, key=9).layer(1)
    mask = reference.dropout_mask(rows, WIDTH, *layer)
    X = draw(4, WIDTH)
    kernels.gather(vectors, ids, rows, *layer, X)
    close(X, vectors[ids] * mask * (ids >= 0)[:, None])

    dX, d_vectors = draw(4, WIDTH), np.zeros_like(vectors)
    expected = np.zeros_like(vectors)
    np.add.at(expected, ids[ids >= 0], (dX * mask)[ids >= 0])
    kernels.gather_backward(dX, ids, rows, *layer, d_vectors)
    close(d_vectors, expected)


def test_the_residual_and_its_backward() -> None:
    X, Y, dY, places, rows = draw(9, WIDTH), draw(3, WIDTH), draw(3, WIDTH), np.array([1, 4, 7]), np.array([11, 12, 40])
    layer = Dropout(0.4, 0, key=9).layer(2)
    mask = reference.dropout_mask(rows, WIDTH, *layer)
    expected, dropped = X[places] + Y * mask, np.empty_like(dY)
    kernels.add_residual(X, places, rows, *layer, Y)
    close(Y, expected)
    kernels.copy_dropped(dY, rows, *layer, dropped)
    close(dropped, dY * mask)


def test_hashed_rows_are_summed_and_get_the_gradient_back() -> None:
    tables, masks = draw(20, WIDTH), draw(4, WIDTH)
    rows = GENERATOR.integers(0, 20, (N, 4, 4), dtype=np.int32)
    out, d_out = draw(N, 5 * WIDTH), draw(N, 5 * WIDTH)
    kernels.embed(rows, tables, masks, out)
    close(out[:, : 4 * WIDTH], reference.embed(rows, tables, masks))
    d_tables, expected = np.zeros_like(tables), np.zeros_like(tables)
    for k in range(4):
        np.add.at(expected, rows[:, :, k], d_out[:, : 4 * WIDTH].reshape(N, 4, WIDTH) * masks)
    kernels.embed_backward(rows, d_out, masks, d_tables)
    close(d_tables, expected)


def test_means_of_texts_and_their_backward() -> None:
    X, lengths, d_out = draw(7, WIDTH), np.array([3, 0, 4]), draw(3, WIDTH)
    out, dX = np.empty((3, WIDTH), dtype=np.float32), np.empty_like(X)
    kernels.pool_mean(X, lengths, out)
    close(out, np.stack([X[:3].mean(axis=0), np.zeros(WIDTH), X[3:].mean(axis=0)]))
    kernels.pool_mean_backward(d_out, lengths, dX)
    close(dX, np.repeat(d_out / np.maximum(lengths, 1)[:, None], lengths, axis=0))


def test_gradients_are_summed_in_order_and_given_back_as_zeros() -> None:
    gradients = draw(3, 5000)  # more than a block
    expected = gradients[0] + gradients[1] + gradients[2]
    expected[:7] = gradients[0, :7]
    length = kernels.collect(gradients, 7, 5000)
    assert length == pytest.approx(float((expected[7:] ** 2).sum()), rel=1e-4)
    np.testing.assert_array_equal(gradients[0], expected)
    assert not gradients[1:, 7:].any()
    assert gradients[1:, :7].all()


def test_adam() -> None:
    arrays = {"weights": draw(100), "first": draw(100), "second": draw(100) ** 2, "average": draw(100)}
    state, gradient = dict(arrays), draw(100)
    reference.adam(state, gradient, steps=3, rate=0.01, beta1=0.9, beta2=0.99)
    own = {name: values.copy() for name, values in arrays.items()}
    rate = 0.01 * (1 - 0.99**3) ** 0.5 / (1 - 0.9**3)
    scalars = [np.float32(value) for value in (0.9, 0.99, 1e-8, rate, 1, 1, 4 / 13)]
    kernels.adam(own["weights"], gradient, own["first"], own["second"], own["average"], *scalars)
    for name, values in state.items():
        close(own[name], values)
    assert not gradient.any()


def test_texts_are_laid_out_with_gaps() -> None:
    ids, starts = np.empty(2 + 3 + 2 + 0 + 2 + 1 + 2, dtype=np.int32), np.empty(3, dtype=np.int64)
    kernels.lay_out(np.arange(9, dtype=np.int32), np.array([4, 0, 8]), np.array([3, 0, 1]), 2, ids, starts)
    assert ids.tolist() == [-1, -1, 4, 5, 6, -1, -1, -1, -1, 8, -1, -1]
    assert starts.tolist() == [2, 7, 9]


def test_distinct_ids_are_numbered_as_they_appear() -> None:
    ids, place, found = np.array([5, -1, 2, 5], dtype=np.int32), np.full(6, -1, dtype=np.int32), np.empty(4, np.int32)
    assert kernels.distinct(ids, place, found) == 2
    assert ids.tolist() == [0, -1, 1, 0]
    assert found[:2].tolist() == [5, 2]
    assert (place == -1).all()
