"""Embed + encode: token types in, one vector a token out. The same function as spaCy's MultiHashEmbed.v2 and
MaxoutWindowEncoder.v2 with the same weights, computed once per distinct type where only the type counts.

Texts of a batch lie in one matrix with `gap` rows between them that start as zeros, as spaCy's padding does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao import config, kernels
from lmao.layers import Backprop, Workspace, maxout_norm, maxout_shapes
from lmao.parameters import Floats, Parameters
from lmao.streams import stream

FEATURES = ("lower", "prefix", "suffix", "shape")
EMBED_PIECES = 3  # MultiHashEmbed fixes it


@dataclass(frozen=True)
class TypeTable:
    """What the encoder knows of each type.

    hash_rows (types, 4, 4) int32; vector_rows (types,) int32 into vectors (rows, dims), whose last row is zeros: that
    of a type without a vector.
    """

    hash_rows: NDArray[np.int32]
    vector_rows: NDArray[np.int32]
    vectors: Floats


@dataclass(frozen=True)
class Dropout:
    """rate: each unit after a maxout layer, and each dimension of the hash embeddings over the batch (as in spaCy);
    vector_rate: each dimension of the projected static vectors over the batch. key fixes all masks."""

    rate: float
    vector_rate: float
    key: int

    def masks(self, width: int) -> Floats:
        """(5, width): a mask for each hashed feature and one for the static vectors."""
        draws = stream(self.key, "dimensions").random((len(FEATURES) + 1, width), dtype=np.float32)
        rates = np.array([self.rate] * len(FEATURES) + [self.vector_rate], dtype=np.float32)[:, None]
        return (draws >= rates) / (np.float32(1) - rates)

    def layer(self, number: int) -> tuple[Any, Any, Any]:
        """key, threshold and scale for the kernels."""
        threshold = round(self.rate * kernels.LEVELS)
        scale = kernels.LEVELS / (kernels.LEVELS - threshold)
        key = (self.key * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03) % (1 << 64)
        return np.uint64(key), np.uint64(threshold), np.float32(scale)


NO_DROPOUT = Dropout(0.0, 0.0, 0)


@dataclass(frozen=True)
class Texts:
    """A batch's texts laid out: ids (rows,) int32 types, -1 in the gaps; starts and lengths (texts,) int64 in rows;
    document_lengths (texts,) of what they were cut from; first: the row of a larger batch that row 0 is (dropout masks
    go by it, so that they don't depend on a split)."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    document_lengths: NDArray[np.int64]
    first: int = 0


class Encoder:
    def __init__(self, settings: config.Encoder, dims: int) -> None:
        self.width = settings.width
        self.depth = settings.depth
        self.reach = settings.window_size
        self.pieces = settings.maxout_pieces
        self.embed_rows = settings.embed_rows
        self.dims = dims if settings.static_vectors else 0
        self.gap = self.reach * self.depth

    def shapes(self) -> dict[str, tuple[int, ...]]:
        width = self.width
        shapes: dict[str, tuple[int, ...]] = {}
        for feature, rows in zip(FEATURES, self.embed_rows, strict=True):
            shapes[f"embed.{feature}.E"] = (rows, width)
        if self.dims:
            shapes["embed.vectors.W"] = (width, self.dims)
        inputs = len(FEATURES) + bool(self.dims)
        shapes |= maxout_shapes("embed", width, EMBED_PIECES, inputs * width)
        for layer in range(self.depth):
            shapes |= maxout_shapes(f"encode.{layer}", width, self.pieces, (2 * self.reach + 1) * width)
        return shapes

    def embed(
        self, weights: Parameters, types: TypeTable, wanted: NDArray[Any], dropout: Dropout, space: Workspace
    ) -> tuple[Floats, Backprop]:
        """One vector for each of the wanted types: (wanted,) to (wanted, width)."""
        width = self.width
        hashed = len(FEATURES) * width
        tables = weights.rows("embed.lower.E", "embed.shape.E")
        rows = types.hash_rows[wanted]
        masks = dropout.masks(width)
        X = space.take("features", len(wanted), hashed + (width if self.dims else 0))
        kernels.embed(rows, tables, masks, X)
        if self.dims:
            V = types.vectors[types.vector_rows[wanted]]
            projected = X[:, hashed:]
            np.matmul(V, weights["embed.vectors.W"].T, out=projected)
            projected *= masks[-1]
        Y, backprop_mix = maxout_norm(weights, "embed", X, space)

        def backprop(dY: Floats, gradients: Parameters) -> Floats:
            dX = backprop_mix(dY, gradients)
            kernels.embed_backward(rows, dX, masks, gradients.rows("embed.lower.E", "embed.shape.E"))
            if self.dims:
                gradients["embed.vectors.W"][...] += (dX[:, hashed:] * masks[-1]).T @ V
            return dX

        return Y, backprop

    def encode(
        self, weights: Parameters, embedded: Floats, local: NDArray[np.int32], first: int, dropout: Dropout,
        space: Workspace,
    ) -> tuple[Floats, Backprop]:  # fmt: skip
        """Vectors in context: rows of `embedded` by local (rows,), -1 in gaps, to (rows, width)."""
        n = len(local)
        embed_dropout = dropout.layer(0)
        X = space.take("tokens", n, self.width)
        key, threshold, scale = embed_dropout
        kernels.gather(embedded, local, key, first, threshold, scale, X)
        layers = []
        for layer in range(self.depth):
            columns = space.take(f"columns.{layer}", n, (2 * self.reach + 1) * self.width)
            kernels.windows(X, self.reach, columns)
            Y, backprop_layer = maxout_norm(weights, f"encode.{layer}", columns, space)
            layer_dropout = dropout.layer(layer + 1)
            key, threshold, scale = layer_dropout
            kernels.add_residual(X, Y, key, first, threshold, scale)
            layers.append((backprop_layer, layer_dropout))
            X = Y

        def backprop(dX: Floats, gradients: Parameters) -> Floats:
            """dX is overwritten; returns the gradient of `embedded`."""
            dY = space.take("d_output", n, self.width)
            for backprop_layer, (key, threshold, scale) in reversed(layers):
                kernels.copy_dropped(dX, key, first, threshold, scale, dY)
                kernels.windows_backward(backprop_layer(dY, gradients), self.reach, dX)
            d_embedded: Floats = space.take("d_embedded", *embedded.shape)
            d_embedded[...] = 0
            key, threshold, scale = embed_dropout
            kernels.gather_backward(dX, local, key, first, threshold, scale, d_embedded)
            return d_embedded

        return X, backprop

    def __call__(
        self, weights: Parameters, types: TypeTable, texts: Texts, dropout: Dropout, space: Workspace
    ) -> tuple[Floats, Backprop]:
        """texts to (rows, width); rows in gaps hold padding."""
        local = texts.ids.copy()
        place = space.places(len(types.hash_rows))
        found = space.take("found", len(local), dtype=np.int32)
        count = kernels.distinct(local, place, found)
        embedded, backprop_embed = self.embed(weights, types, found[:count].copy(), dropout, space)
        encoded, backprop_encode = self.encode(weights, embedded, local, texts.first, dropout, space)

        def backprop(dX: Floats, gradients: Parameters) -> Floats:
            return backprop_embed(backprop_encode(dX, gradients), gradients)

        return encoded, backprop


def initialize(shapes: Mapping[str, tuple[int, ...]], seed: int) -> Parameters:
    """Weights as spaCy draws them: uniform hash rows, Glorot-uniform products, unit layer norms, a zero softmax.

    Each array has a stream of its own, so that models that differ elsewhere start alike.
    """
    weights = Parameters(shapes)
    for name, shape in shapes.items():
        kind = name.rsplit(".", 1)[-1]
        if name.startswith("softmax") or kind == "b":
            continue
        if kind == "G":
            weights[name][...] = 1
            continue
        # Glorot as thinc has it: from the first two dimensions, of a maxout its units and pieces.
        bound = 0.1 if kind == "E" else float(np.sqrt(6.0 / (shape[0] + shape[1])))
        weights[name][...] = stream(seed, f"init {name}").uniform(-bound, bound, shape)
    return weights
