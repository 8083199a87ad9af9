"""Layers over flat parameters, in thinc's shape: a call returns (output, backprop).

`backprop(dY, gradients)`, called once, adds to the gradients and returns dX, which takes the place of X. Buffers come
from a `Workspace`: what a call returns holds until the next forward pass with the same workspace.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lmao.engine.device import CPU, Device
from lmao.engine.parameters import Floats, Parameters

Backprop = Callable[[Floats, Parameters], Floats]


class Workspace:
    """Buffers by name that grow and stay, one workspace a thread; all but `places` on the device."""

    def __init__(self, device: Device = CPU) -> None:
        self.device = device
        self._buffers: dict[str, Any] = {}

    def take(self, name: str, *shape: int, dtype: Any = np.float32) -> Any:
        """An uninitialised array; what the buffer held is lost."""
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name] = self.device.xp.empty(size + size // 8, dtype=dtype)
        return buffer[:size].reshape(shape)

    def places(self, size: int) -> Any:
        """An int32 array of -1, which its users leave as they found it."""
        if "places" not in self._buffers:
            self._buffers["places"] = np.full(size, -1, dtype=np.int32)
        return self._buffers["places"]


def maxout_shapes(name: str, nO: int, nP: int, nI: int) -> dict[str, tuple[int, ...]]:
    """The arrays of `maxout_norm`: W (nP, nO, nI), b (nP, nO), and the layer norm's G and b (nO,)."""
    return {
        f"{name}.maxout.W": (nP, nO, nI),
        f"{name}.maxout.b": (nP, nO),
        f"{name}.layernorm.G": (nO,),
        f"{name}.layernorm.b": (nO,),
    }


def maxout_norm(weights: Parameters, name: str, X: Floats, space: Workspace) -> tuple[Floats, Backprop]:
    """Maxout (Goodfellow et al. 2013) and layer norm (Ba et al. 2016): X (n, nI) to Y (n, nO)."""
    nP, nO, nI = weights.shapes[f"{name}.maxout.W"]
    n = len(X)
    W = weights[f"{name}.maxout.W"].reshape(nP * nO, nI)
    G = weights[f"{name}.layernorm.G"]
    Z = space.take("product", n, nP * nO)
    space.device.product(X, W.T, Z)
    Y = space.take(f"{name}.output", n, nO)
    normed = space.take(f"{name}.normed", n, nO)
    which = space.take(f"{name}.which", n, nO, dtype=np.int8)
    scales = space.take(f"{name}.scales", n)
    kernels = space.device.kernels
    kernels.maxout_norm(Z, weights[f"{name}.maxout.b"], G, weights[f"{name}.layernorm.b"], normed, which, scales, Y)

    def backprop(dY: Floats, gradients: Parameters) -> Floats:
        dZ = space.take("product", n, nP * nO)
        kernels.maxout_norm_backward(
            dY, G, normed, which, scales, dZ,
            gradients[f"{name}.maxout.b"], gradients[f"{name}.layernorm.G"], gradients[f"{name}.layernorm.b"],
        )  # fmt: skip
        gradient = gradients[f"{name}.maxout.W"].reshape(nP * nO, nI)
        return _product_backward(dZ, X, W, gradient, space)

    return Y, backprop


def linear(weights: Parameters, name: str, X: Floats, space: Workspace) -> tuple[Floats, Backprop]:
    """X (n, nI) to Y (n, nO)."""
    W = weights[f"{name}.W"]
    Y: Floats = space.take(f"{name}.output", len(X), len(W))
    space.device.product(X, W.T, Y)
    Y += weights[f"{name}.b"]

    def backprop(dY: Floats, gradients: Parameters) -> Floats:
        gradients[f"{name}.b"][...] += dY.sum(axis=0)
        return _product_backward(dY, X, W, gradients[f"{name}.W"], space)

    return Y, backprop


def _product_backward(dY: Floats, X: Floats, W: Floats, gradient: Floats, space: Workspace) -> Floats:
    """The gradients of X @ W.T: adds to that of W, returns that of X in its place."""
    dW = space.take("d_weights", *W.shape)
    space.device.product(dY.T, X, dW)
    gradient += dW
    space.device.product(dY, W, X)
    return X
