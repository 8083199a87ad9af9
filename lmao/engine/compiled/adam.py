"""Gradients summed, and a step of Adam, each in one pass."""

import numpy as np

from lmao.engine.compiling import Float, Floats1d, Floats2d, Integer, Ints1d, kernel

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


@kernel
def adam_arrays(
    weights: Floats1d,  # (size,)
    gradients: Floats2d,  # (threads, size) set to zero
    first: Floats1d,  # (size,)
    second: Floats1d,  # (size,)
    average: Floats1d,  # (size,)
    starts: Ints1d,  # (arrays,)
    stops: Ints1d,  # (arrays,)
    rates: Floats1d,  # (arrays,) bias-corrected
    keeps: Floats1d,  # (arrays,)
    beta1: Float,
    beta2: Float,
    eps: Float,
    decay: Float,
    longest: Float,  # a longer gradient of an array is shortened to it; 0: none is
) -> None:
    """One step on some arrays of a flat one: `collect` and `adam` on each, without a word of Python in between."""
    for k in range(starts.shape[0]):
        own = slice(starts[k], stops[k])
        norm = np.sqrt(collect(gradients, starts[k], stops[k]))
        clip = longest / norm if longest > 0 and norm >= longest else np.float32(1)
        adam(
            weights[own], gradients[0, own], first[own], second[own], average[own],
            beta1, beta2, eps, rates[k], decay, clip, keeps[k],
        )  # fmt: skip
