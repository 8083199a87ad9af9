"""The kernels as array operations compute what the compiled ones do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lmao.encoder.dropout import Dropout
from lmao.engine import kernels
from lmao.engine.array_kernels import ArrayKernels
from lmao.engine.parameters import Floats

N, PIECES, WIDTH = 13, 3, 10
GENERATOR = np.random.default_rng(0)
LENGTHS = np.array([3, 0, 4])
IDS = np.array([3, -1, 0, 3, 1, -1, 2], dtype=np.int32)
ROWS = np.array([2, 3, 70, 71, 80, 81, 90])
BEGINS = np.array([0, 1, 4, 5])  # overlapping windows of three rows


def draw(*shape: int) -> Floats:
    return GENERATOR.normal(size=shape).astype(np.float32)


def layer(rate: float) -> tuple[Any, Any, Any]:
    return Dropout(rate, 0, key=9).layer(1)


def scalars() -> list[Any]:
    return [np.float32(value) for value in (0.9, 0.99, 1e-8, 0.01, 0.999, 0.5, 4 / 13)]


def hashed() -> Any:
    return GENERATOR.integers(0, 20, (N, 4, 4), dtype=np.int32)


# Of each function its arguments: it may write into any of them, and what they hold then is compared.
ARGUMENTS: dict[str, Callable[[], list[Any]]] = {
    "embed": lambda: [hashed(), draw(20, WIDTH), draw(5, WIDTH), draw(N, 5 * WIDTH)],
    "embed_backward": lambda: [hashed(), draw(N, 5 * WIDTH), draw(5, WIDTH), draw(20, WIDTH)],
    "maxout_norm": lambda: [
        draw(N, PIECES * WIDTH), draw(PIECES, WIDTH), draw(WIDTH), draw(WIDTH),
        draw(N, WIDTH), np.empty((N, WIDTH), dtype=np.int8), draw(N), draw(N, WIDTH),
    ],
    "maxout_norm_backward": lambda: [
        draw(N, WIDTH), draw(WIDTH), draw(N, WIDTH), GENERATOR.integers(PIECES, size=(N, WIDTH)).astype(np.int8),
        draw(N), draw(N, PIECES * WIDTH), draw(PIECES, WIDTH), draw(WIDTH), draw(WIDTH),
    ],
    "gather": lambda: [draw(5, WIDTH), IDS, ROWS, *layer(0.4), draw(7, WIDTH)],
    "gather_backward": lambda: [np.where(IDS[:, None] < 0, np.float32(0), draw(7, WIDTH)), IDS, ROWS, *layer(0.4),
                                draw(5, WIDTH)],
    "add_residual": lambda: [draw(9, WIDTH), np.array([0, 1, 2, 4, 5, 7, 8]), ROWS, *layer(0.4), draw(7, WIDTH)],
    "copy_dropped": lambda: [draw(7, WIDTH), ROWS, *layer(0.4), draw(7, WIDTH)],
    "copy_dropped without dropout": lambda: [draw(7, WIDTH), ROWS, *layer(0.0), draw(7, WIDTH)],
    "windows": lambda: [draw(8, WIDTH), BEGINS, draw(4, 3 * WIDTH)],
    "windows_backward": lambda: [draw(4, 3 * WIDTH), draw(4, WIDTH), BEGINS, draw(8, WIDTH)],
    "pool_mean": lambda: [draw(7, WIDTH), LENGTHS, draw(3, WIDTH)],
    "pool_mean_backward": lambda: [draw(3, WIDTH), LENGTHS, draw(7, WIDTH)],
    "collect": lambda: [draw(3, 50), 7, 40],
    "adam": lambda: [draw(50), draw(50), draw(50), draw(50) ** 2, draw(50), *scalars()],
    "adam_arrays": lambda: [
        draw(50), draw(2, 50), draw(50), draw(50) ** 2, draw(50), np.array([3, 20]), np.array([20, 50]),
        np.array([0.01, 0.02], np.float32), np.array([0.5, 0.6], np.float32),
        *map(np.float32, (0.9, 0.99, 1e-8, 0.9, 1)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_either_kernel_leaves_the_same(name: str) -> None:
    compiled = ARGUMENTS[name]()
    arrays = [one.copy() if isinstance(one, np.ndarray) else one for one in compiled]
    function = name.split()[0]
    expected = getattr(kernels, function)(*compiled)
    found = getattr(ArrayKernels(np), function)(*arrays)
    assert (found is None) == (expected is None)
    for one, other in zip([*arrays, found], [*compiled, expected], strict=True):
        if isinstance(one, np.ndarray | np.floating):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
