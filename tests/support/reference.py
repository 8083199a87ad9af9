"""What the kernels compute, in plain numpy: slow, readable, every row of every layer."""

from typing import Any

import numpy as np

from lmao.encoder.cnn import Cnn
from lmao.encoder.dropout import Dropout
from lmao.encoder.encoder import TypeTable
from lmao.engine.parameters import Floats, Parameters

MASK_64 = (1 << 64) - 1


def split_mix(key: int, counter: int) -> int:
    """SplitMix64's output at a position."""
    z = (key + counter * 0x9E3779B97F4A7C15) & MASK_64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK_64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK_64
    return z ^ (z >> 31)


def dropout_mask(rows: Any, width: int, key: Any, threshold: Any, scale: Any) -> Floats:
    """(rows, width): 0 or scale; four units share a draw, 16 bits each."""
    draws = -(-width // 4)
    mask = np.empty((len(rows), width), dtype=np.float32)
    for i, row in enumerate(rows):
        for o in range(width):
            bits = split_mix(int(key), int(row) * draws + o // 4) >> 16 * (o % 4) & 0xFFFF
            mask[i, o] = scale if bits >= threshold else 0
    return mask


def embed(rows: Any, tables: Floats, masks: Floats) -> Floats:
    """(types, features, 4) rows to (types, features * width)."""
    summed: Floats = tables[rows].sum(axis=2) * masks
    return summed.reshape(len(rows), -1)


def maxout(Z: Floats, b: Floats) -> Floats:
    """The best of the pieces, (n, nP * nO) to (n, nO)."""
    best: Floats = (Z.reshape(len(Z), *b.shape) + b).max(axis=1)
    return best


def layer_norm(X: Floats) -> tuple[Floats, Floats]:
    """Rows of mean 0 and variance 1, and one over their standard deviation."""
    scale = 1 / np.sqrt(X.var(axis=1, keepdims=True) + np.float32(1e-8))
    return (X - X.mean(axis=1, keepdims=True)) * scale, scale[:, 0]


def maxout_norm(Z: Floats, b: Floats, G: Floats, shift: Floats) -> Floats:
    Y: Floats = layer_norm(maxout(Z, b))[0] * G + shift
    return Y


def maxout_norm_backward(dY: Floats, Z: Floats, b: Floats, G: Floats) -> dict[str, Floats]:
    pieces = Z.reshape(len(Z), *b.shape) + b
    normed, scale = layer_norm(maxout(Z, b))
    d = dY * G
    d_best = (d - d.mean(axis=1, keepdims=True) - normed * (d * normed).mean(axis=1, keepdims=True)) * scale[:, None]
    best = pieces.argmax(axis=1)[:, None] == np.arange(len(b))[:, None]
    dZ = best * d_best[:, None]
    return {"Z": dZ.reshape(Z.shape), "b": dZ.sum(axis=0), "G": (dY * normed).sum(axis=0), "shift": dY.sum(axis=0)}


def windows(X: Floats, reach: int) -> Floats:
    """Each row with its neighbours to the left and right, zeros beyond the ends."""
    padded = np.pad(X, ((reach, reach), (0, 0)))
    return np.concatenate([padded[k : k + len(X)] for k in range(2 * reach + 1)], axis=1)


def adam(state: dict[str, Floats], gradient: Floats, steps: int, rate: float, beta1: float, beta2: float) -> None:
    """One step on weights, first, second and average, after so many steps, without clipping or decay; eps is 1e-8."""
    state["first"] = beta1 * state["first"] + (1 - beta1) * gradient
    state["second"] = beta2 * state["second"] + (1 - beta2) * gradient**2
    corrected = rate * (1 - beta2**steps) ** 0.5 / (1 - beta1**steps)
    state["weights"] = state["weights"] - corrected * state["first"] / (np.sqrt(state["second"]) + 1e-8)
    keep = min(0.9999, (1 + steps) / (10 + steps))
    state["average"] = keep * state["average"] + (1 - keep) * state["weights"]


def encode(encoder: Cnn, weights: Parameters, types: TypeTable, ids: Any, dropout: Dropout) -> Floats:
    """The whole encoder on every row of a batch, gaps too: (rows, width)."""

    def layer(name: str, X: Floats) -> Floats:
        W = weights[f"{name}.maxout.W"]
        Z = X @ W.reshape(-1, W.shape[-1]).T
        G, shift = weights[f"{name}.layernorm.G"], weights[f"{name}.layernorm.b"]
        return maxout_norm(Z, weights[f"{name}.maxout.b"], G, shift)

    masks = dropout.masks(encoder.width)
    features = embed(types.hash_rows[ids], weights.rows("embed.lower.E", "embed.shape.E"), masks[:4])
    vectors = types.vectors[types.vector_rows[ids]] @ weights["embed.vectors.W"].T * masks[4]
    X: Floats = layer("embed", np.concatenate([features, vectors], axis=1)) * (ids >= 0)[:, None]
    rows = np.arange(len(ids))
    X *= dropout_mask(rows, encoder.width, *dropout.layer(0))
    for number in range(encoder.depth):
        Y = layer(f"encode.{number}", windows(X, encoder.reach))
        X = X + Y * dropout_mask(rows, encoder.width, *dropout.layer(number + 1))
    return X
