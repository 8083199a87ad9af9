"""The CNN's layers where it learns, most rows are asked for and a layer sees a word on either side: five ninths of the
products. Forward, two rows at once, as in `PairedLayers`; backward, four.

Embedded words of neighbouring rows of a batch come in, their vectors in context go out, and gradients come back. Sums
are made in another order than in `Cnn.encode`: differences are of 1e-6.
"""

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.batches import Rows
from lmao.encoder.dropout import Dropout
from lmao.encoder.paired import PAIRS_AT_ONCE, pair_factors
from lmao.engine import kernels
from lmao.engine.compiled.tiles import POINTS, ROWS
from lmao.engine.device import CPU
from lmao.engine.layers import Backprop, Workspace
from lmao.engine.parameters import Floats, Parameters

TILES_AT_ONCE = 128  # their products fit the processor's cache


class TiledLayers:
    """For the weights of one time."""

    def __init__(self, weights: Parameters, depth: int) -> None:
        self._weights = weights
        self._names = [f"encode.{layer}" for layer in range(depth)]

    def __call__(
        self, embedded: Floats, local: NDArray[np.int32], first: int, wanted: Rows, dropout: Dropout, space: Workspace
    ) -> tuple[Floats, Backprop]:
        """Some of the rows that local (rows,) has, ids into `embedded` (types, width), -1 in gaps: wanted (n,), none
        nearer than `depth` to the ends, to (n, width). first: the number in the batch of the first row."""
        count, width = len(local), embedded.shape[1]
        tiles = -(-count // ROWS)
        rows = np.arange(first, first + count)
        own = slice(1, count + 1)
        passed = [_Passed(space, layer, tiles, width) for layer in range(len(self._names))]
        X = passed[0].X
        _clear_ends(X, count)
        kernels.gather(embedded, local, rows, *dropout.layer(0), X[own])
        for layer, name in enumerate(self._names):
            Y = passed[layer + 1].X if layer + 1 < len(passed) else space.take("tiles.output", *X.shape)
            self._layer(name, passed[layer], Y[1:-1], space)
            kernels.add_residual(X[own], rows - first, rows, *dropout.layer(layer + 1), Y[own])
            _clear_ends(Y, count)
            X = Y
        encoded: Floats = X[own][wanted]

        def backprop(d_encoded: Floats, gradients: Parameters) -> Floats:
            """Returns the gradient of `embedded`."""
            dY, dX = (space.take(f"tiles.d_{name}", ROWS * tiles + 2, width) for name in "XY")
            dY[...] = 0
            dY[own][wanted] = d_encoded
            dropped = space.take("tiles.d_dropped", ROWS * tiles, width)
            dropped[count:] = 0
            for layer in reversed(range(len(self._names))):
                kernels.copy_dropped(dY[own], rows, *dropout.layer(layer + 1), dropped[:count])
                dV = self._layer_backward(self._names[layer], dropped, passed[layer], gradients, space)
                kernels.tile_inputs_backward(dV, dY, dX)
                _clear_ends(dX, count)
                dY, dX = dX, dY
            d_embedded: Floats = space.take("d_embedded", *embedded.shape)
            d_embedded[...] = 0
            kernels.gather_backward(dY[own], local, rows, *dropout.layer(0), d_embedded)
            return d_embedded

        return encoded, backprop

    def _layer(self, name: str, passed: "_Passed", Y: Floats, space: Workspace) -> None:
        """Maxout and layer norm of windows of the inputs, (rows + 2, width), into Y (rows, width)."""
        factors = pair_factors(self._weights[f"{name}.maxout.W"])
        b, G = self._weights[f"{name}.maxout.b"], self._weights[f"{name}.layernorm.G"]
        shift, (units, width) = self._weights[f"{name}.layernorm.b"], factors.shape[1:]
        for first in range(0, len(Y) // 2, PAIRS_AT_ONCE):
            count = min(PAIRS_AT_ONCE, len(Y) // 2 - first)
            inputs = space.take("tiles.pairs", 4 * count, width)
            products = space.take("tiles.products", 4 * count, units)
            kernels.pair_inputs(passed.X, first, inputs)
            for factor, own in zip(factors, (slice(k * count, (k + 1) * count) for k in range(4)), strict=True):
                CPU.product(inputs[own], factor.T, products[own])
            Z = space.take("tiles.windows", 2 * count, units)
            kernels.pair_outputs(products, Z)
            rows = slice(2 * first, 2 * (first + count))
            kernels.maxout_norm(Z, b, G, shift, passed.normed[rows], passed.which[rows], passed.scales[rows], Y[rows])

    def _layer_backward(
        self, name: str, dY: Floats, passed: "_Passed", gradients: Parameters, space: Workspace
    ) -> Floats:
        """Adds to the gradients; returns that of the inputs' tiles. dY (rows, width) is overwritten."""
        W, G = self._weights[f"{name}.maxout.W"], self._weights[f"{name}.layernorm.G"]
        units, width = W.shape[0] * W.shape[1], dY.shape[1]
        U, dU = (space.take(f"tiles.{what}", POINTS, units, width) for what in ("factors", "d_factors"))
        kernels.tile_factors(W.reshape(units, -1), U)
        sums = gradients[f"{name}.maxout.b"], gradients[f"{name}.layernorm.G"], gradients[f"{name}.layernorm.b"]
        tiles = len(dY) // ROWS
        dM = space.take("tiles.d_products", POINTS, tiles, units)
        for first in range(0, tiles, TILES_AT_ONCE):
            rows = slice(ROWS * first, ROWS * min(first + TILES_AT_ONCE, tiles))
            normed, which, scales = passed.normed[rows], passed.which[rows], passed.scales[rows]
            dZ = space.take("tiles.windows", len(scales), units)
            kernels.maxout_norm_backward(dY[rows], G, normed, which, scales, dZ, *sums)
            kernels.tile_outputs_backward(dZ, first, dM)
        V: Floats = space.take("tiles.values", POINTS, tiles, width)
        kernels.tile_inputs(passed.X, V)
        for point in range(POINTS):
            CPU.product(dM[point].T, V[point], dU[point])
            CPU.product(dM[point], U[point], V[point])
        kernels.tile_factors_backward(dU, gradients[f"{name}.maxout.W"].reshape(units, -1))
        return V


class _Passed:
    """What a layer's gradient needs of its forward pass: its inputs X (rows + 2, width), what `maxout_norm` keeps."""

    def __init__(self, space: Workspace, layer: int, tiles: int, width: int) -> None:
        self.X: Floats = space.take(f"tiles.{layer}.inputs", ROWS * tiles + 2, width)
        self.normed: Floats = space.take(f"tiles.{layer}.normed", ROWS * tiles, width)
        self.which: NDArray[np.int8] = space.take(f"tiles.{layer}.which", ROWS * tiles, width, dtype=np.int8)
        self.scales: Floats = space.take(f"tiles.{layer}.scales", ROWS * tiles)


def _clear_ends(X: Floats, count: int) -> None:
    """Around `count` rows."""
    X[0] = 0
    X[count + 1 :] = 0
