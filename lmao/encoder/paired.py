"""The CNN's layers where nothing is learned, every word is asked for and a layer sees a word on either side: two thirds
of the products. Embedded words of a batch come in, their vectors in context go out."""

import numpy as np
from numpy.typing import NDArray

from lmao.engine import kernels
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters

PAIRS_AT_ONCE = 400  # what becomes of them fits the processor's cache


class PairedLayers:
    """For the weights of one time. Sums are made in another order than in `Cnn.encode`: differences are of 1e-6."""

    def __init__(self, weights: Parameters, depth: int) -> None:
        self._weights = weights
        self._factors = [pair_factors(weights[f"encode.{layer}.maxout.W"]) for layer in range(depth)]

    def __call__(self, embedded: Floats, local: NDArray[np.int32], space: Workspace) -> Floats:
        """Rows of `embedded` (types, width) by local (rows,), -1 in gaps, to (rows, width): those nearer than `depth`
        to the ends mean nothing."""
        rows, width = len(local), embedded.shape[1]
        pairs = -(-rows // 2)
        X, Y = (space.take(f"paired.{name}", 2 * pairs + 2, width) for name in "XY")
        for ends in (X, Y):
            ends[0] = 0
            ends[rows + 1 :] = 0
        none = np.uint64(0)
        kernels.gather(embedded, local, np.arange(rows), none, none, np.float32(1), X[1 : rows + 1])
        for layer, factors in enumerate(self._factors):
            self._layer(layer, factors, X, Y, pairs, space)
            Y[rows + 1 :] = 0
            X, Y = Y, X
        encoded: Floats = X[1 : rows + 1]
        return encoded

    def _layer(self, layer: int, factors: Floats, X: Floats, Y: Floats, pairs: int, space: Workspace) -> None:
        name, width = f"encode.{layer}", X.shape[1]
        units, across = factors.shape[1], factors.transpose(0, 2, 1)
        b, G = self._weights[f"{name}.maxout.b"], self._weights[f"{name}.layernorm.G"]
        shift = self._weights[f"{name}.layernorm.b"]
        for first in range(0, pairs, PAIRS_AT_ONCE):
            count = min(PAIRS_AT_ONCE, pairs - first)
            inputs = space.take("paired.inputs", 4 * count, width)
            products = space.take("paired.products", 4 * count, units)
            kernels.pair_inputs(X, first, inputs)
            np.matmul(inputs.reshape(4, count, width), across, out=products.reshape(4, count, units))
            kernels.maxout_norm_pairs(products, b, G, shift, X, first, Y)


def pair_factors(W: Floats) -> Floats:
    """W (pieces, units, 3 * width) as the other factors of the four products, (4, pieces * units, width)."""
    flat = W.reshape(-1, W.shape[2])
    factors: Floats = np.empty((4, len(flat), flat.shape[1] // 3), dtype=np.float32)
    kernels.pair_factors(flat, factors)
    return factors
