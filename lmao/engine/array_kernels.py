"""`kernels` as array operations, for a GPU: the same functions with the same meaning, a few passes over memory each.

Index arrays stay where the host's kernels make them: an array module moves them when it is indexed. A GPU adds up rows
that share an index in no fixed order, so the last bits of two runs may differ there.
"""

from typing import Any

import numpy as np

from lmao.engine.compiled.dropout import LANES
from lmao.engine.compiled.maxout import EPSILON
from lmao.engine.splitmix import STEP, mix


class ArrayKernels:
    """xp: numpy, or a module like it whose arrays all but the index arrays are."""

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    def _drop(self, values: Any, rows: Any, key: Any, threshold: Any, scale: Any) -> None:
        """Multiply values (n, width) by the masks of rows, those that `kernels` draws."""
        if not threshold:
            return
        width = values.shape[1]
        draws = (width + LANES - 1) // LANES
        counters = self._xp.asarray(rows).astype(np.uint64)[:, None] * np.uint64(draws)
        bits = mix(key + (counters + self._xp.arange(draws, dtype=np.uint64)) * STEP)
        levels = bits.view(np.uint16)[:, :width]
        values *= (levels >= np.uint16(threshold)).astype(np.float32) * scale

    def embed(self, rows: Any, tables: Any, masks: Any, out: Any) -> None:
        features, width = rows.shape[1], tables.shape[1]
        summed = tables[rows].sum(axis=2) * masks[:features]
        out[:, : features * width] = summed.reshape(-1, features * width)

    def embed_backward(self, rows: Any, d_out: Any, masks: Any, d_tables: Any) -> None:
        features, width = rows.shape[1], d_tables.shape[1]
        d = d_out[:, : features * width].reshape(-1, features, width) * masks[:features]
        for k in range(rows.shape[2]):
            self._xp.add.at(d_tables, rows[:, :, k], d)

    def maxout_norm(self, Z: Any, b: Any, G: Any, shift: Any, normed: Any, which: Any, scales: Any, Y: Any) -> None:
        pieces = Z.reshape(len(Z), *b.shape) + b
        which[...] = pieces.argmax(axis=1)
        best = pieces.max(axis=1)
        best -= best.mean(axis=1, keepdims=True)
        scales[...] = 1 / np.sqrt((best * best).mean(axis=1) + EPSILON)
        normed[...] = best * scales[:, None]
        Y[...] = normed * G + shift

    def maxout_norm_backward(
        self, dY: Any, G: Any, normed: Any, which: Any, scales: Any, dZ: Any, db: Any, dG: Any, d_shift: Any
    ) -> None:
        d_shift += dY.sum(axis=0)
        dG += (dY * normed).sum(axis=0)
        dY *= G
        along = (dY * normed).mean(axis=1, keepdims=True)
        dY -= dY.mean(axis=1, keepdims=True) + normed * along
        dY *= scales[:, None]
        pieces = dZ.reshape(len(dZ), *db.shape)
        for p in range(len(db)):
            pieces[:, p] = dY * (which == p)
        db += pieces.sum(axis=0)

    def gather(self, vectors: Any, ids: Any, rows: Any, key: Any, threshold: Any, scale: Any, X: Any) -> None:
        words = np.flatnonzero(ids >= 0)
        X[...] = 0
        X[words] = vectors[ids[words]]
        self._drop(X, rows, key, threshold, scale)

    def gather_backward(
        self, dX: Any, ids: Any, rows: Any, key: Any, threshold: Any, scale: Any, d_vectors: Any
    ) -> None:
        words = np.flatnonzero(ids >= 0)
        self._drop(dX, rows, key, threshold, scale)
        self._xp.add.at(d_vectors, ids[words], dX[words])

    def add_residual(self, X: Any, places: Any, rows: Any, key: Any, threshold: Any, scale: Any, Y: Any) -> None:
        self._drop(Y, rows, key, threshold, scale)
        Y += X[places]

    def copy_dropped(self, dY: Any, rows: Any, key: Any, threshold: Any, scale: Any, out: Any) -> None:
        out[...] = dY
        self._drop(out, rows, key, threshold, scale)

    def windows(self, X: Any, begins: Any, out: Any) -> None:
        out[...] = X[begins[:, None] + np.arange(out.shape[1] // X.shape[1])].reshape(out.shape)

    def windows_backward(self, d_out: Any, d_residual: Any, begins: Any, dX: Any) -> None:
        width = dX.shape[1]
        size = d_out.shape[1] // width
        dX[...] = 0
        for k in range(size):  # no two windows begin at the same row, so no row meets another here
            dX[begins + k] += d_out[:, k * width : (k + 1) * width]
        dX[begins + size // 2] += d_residual

    def pool_mean(self, X: Any, lengths: Any, out: Any) -> None:
        out[...] = 0
        self._xp.add.at(out, np.repeat(np.arange(len(lengths)), lengths), X)
        out /= self._counts(lengths)

    def pool_mean_backward(self, d_out: Any, lengths: Any, dX: Any) -> None:
        dX[...] = (d_out / self._counts(lengths))[np.repeat(np.arange(len(lengths)), lengths)]

    def _counts(self, lengths: Any) -> Any:
        """(texts, 1), an empty text counts as one word."""
        return self._xp.asarray(np.maximum(lengths, 1).astype(np.float32)[:, None])

    def collect(self, gradients: Any, start: int, stop: int) -> Any:
        g = gradients[0, start:stop]
        for other in gradients[1:, start:stop]:
            g += other
            other[...] = 0
        return (g * g).sum()

    def adam_arrays(
        self, weights: Any, gradients: Any, first: Any, second: Any, average: Any, starts: Any, stops: Any, rates: Any,
        keeps: Any, beta1: Any, beta2: Any, eps: Any, decay: Any, longest: Any,
    ) -> None:  # fmt: skip
        for start, stop, rate, keep in zip(starts, stops, rates, keeps, strict=True):
            norm = float(self.collect(gradients, start, stop)) ** 0.5
            clip = np.float32(longest / norm if longest > 0 and norm >= longest else 1)
            own = slice(start, stop)
            self.adam(
                weights[own], gradients[0, own], first[own], second[own], average[own],
                beta1, beta2, eps, rate, decay, clip, keep,
            )  # fmt: skip

    def adam(
        self, weights: Any, gradient: Any, first: Any, second: Any, average: Any, beta1: Any, beta2: Any, eps: Any,
        rate: Any, decay: Any, clip: Any, keep: Any,
    ) -> None:  # fmt: skip
        g = gradient * clip
        gradient[...] = 0
        first[...] = beta1 * first + (1 - beta1) * g
        second[...] = beta2 * second + (1 - beta2) * g * g
        weights[...] = (weights - rate * first / (np.sqrt(second) + eps)) * decay
        average[...] = keep * average + (1 - keep) * weights
