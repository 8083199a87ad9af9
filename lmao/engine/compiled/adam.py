"""Gradients summed, and a step of Adam, each in one pass."""

import numpy as np

from lmao.engine.compiling import Float, Floats1d, Floats2d, Integer, kernel

BLOCK = 4096  # numbers that stay in the first cache between two loops over them


@kernel
def collect(gradients: Floats2d, start: Integer, stop: Integer) -> Float:
    """Sum gradients (threads, size) from start to stop into the first, zero the others; returns the squared length."""
    total = np.float32(0)
    for first in range(start, stop, BLOCK):
        last = min(first + BLOCK, stop)
        g = gradients[0, first:last]
        for t in range(1, gradients.shape[0]):
            other = gradients[t, first:last]
            for i in range(g.shape[0]):
                g[i] += other[i]
                other[i] = np.float32(0)
        for i in range(g.shape[0]):
            total += g[i] * g[i]
    return total


@kernel
def adam(
    weights: Floats1d,  # (size,)
    gradient: Floats1d,  # (size,) set to zero
    first: Floats1d,  # (size,) moment
    second: Floats1d,  # (size,) moment
    average: Floats1d,  # (size,) of the weights
    beta1: Float,
    beta2: Float,
    eps: Float,
    rate: Float,  # bias-corrected
    decay: Float,  # 1 - rate * L2 shrinks the weights
    clip: Float,  # what the gradient is multiplied by
    keep: Float,  # the share of the average that stays
) -> None:
    """One step on an array."""
    for i in range(weights.shape[0]):
        g = gradient[i] * clip
        gradient[i] = np.float32(0)
        m = beta1 * first[i] + (np.float32(1) - beta1) * g
        v = beta2 * second[i] + (np.float32(1) - beta2) * g * g
        first[i] = m
        second[i] = v
        w = (weights[i] - rate * m / (np.sqrt(v) + eps)) * decay
        weights[i] = w
        average[i] = keep * average[i] + (np.float32(1) - keep) * w
