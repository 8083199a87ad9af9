"""Embed + encode: token types in, one vector a token out. The same function as spaCy's MultiHashEmbed.v2 and
MaxoutWindowEncoder.v2 with the same weights, computed once per distinct type where only the type counts.

Texts of a batch lie one after the other with `gap` rows between them that start as zeros, as spaCy's padding does. Of
each layer only the rows are computed that the output rows depend on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.config.encoder import CnnEncoder
from lmao.corpus.batches import Rows
from lmao.encoder.dropout import FEATURES, NO_DROPOUT, Dropout
from lmao.encoder.encoder import Encode, TypeTable
from lmao.encoder.hashing import hash_rows
from lmao.encoder.paired import PairedLayers
from lmao.encoder.tiled import TiledLayers
from lmao.engine import kernels
from lmao.engine.device import CPU, Device
from lmao.engine.layers import Backprop, Workspace, maxout_norm, maxout_shapes
from lmao.engine.parameters import Floats, Parameters

EMBED_PIECES = 3  # MultiHashEmbed fixes it
EMBEDDED_AT_ONCE = 4000  # types: their features fit the processor's cache


@dataclass(frozen=True)
class Field:
    """The receptive field of some words: what each layer needs of the layer below.

    rows: for the embedding and each layer the rows (n,) int64 of the batch that it computes, ascending; below: for each
    layer, and each of its rows, where among the rows below its window begins. A window's rows lie side by side there.
    """

    rows: list[Rows]
    below: list[Rows]


def receptive_field(output_rows: Rows, reach: int, depth: int) -> Field:
    """output_rows: rows of words, ascending; none is nearer than reach * depth rows to the ends of the batch."""
    field = Field([output_rows], [])
    for _ in range(depth):
        above = field.rows[0]
        rows, begins = np.empty(len(above) * (2 * reach + 1), dtype=np.int64), np.empty_like(above)
        count = kernels.dilate(above, reach, rows, begins)
        field.rows.insert(0, rows[:count])
        field.below.insert(0, begins)
    return field


class Cnn:
    """See `Encoder`."""

    def __init__(self, settings: CnnEncoder, dims: int, device: Device = CPU) -> None:
        self.device = device
        self.width = settings.width
        self.depth = settings.depth
        self.reach = settings.window_size
        self.pieces = settings.maxout_pieces
        self.embed_rows = settings.embed_rows
        self.dims = dims if settings.static_vectors else 0
        self.gap = self.reach * self.depth

    @property
    def _beside(self) -> bool:
        """Whether neighbouring rows can be computed together."""
        return self.reach == 1 and self.device is CPU

    def _computes_all(self, output_rows: Rows) -> bool:
        """Whether to compute all rows from the first to the last: half of the products, where most are asked for."""
        count = len(output_rows)
        return self._beside and count > 0 and 2 * count > output_rows[-1] - output_rows[0]

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

    def hash_rows(self, types: NDArray[np.uint64]) -> NDArray[np.int32]:
        return hash_rows(types, self.embed_rows)

    def embed(
        self, weights: Parameters, types: TypeTable, ids: NDArray[Any], dropout: Dropout, space: Workspace
    ) -> tuple[Floats, Backprop]:
        """One vector for each of some types: (n,) to (n, width)."""
        width = self.width
        hashed = len(FEATURES) * width
        tables = weights.rows("embed.lower.E", "embed.shape.E")
        rows = types.hash_rows[ids]
        masks = self.device.to_device(dropout.masks(width))
        X = space.take("features", len(ids), hashed + (width if self.dims else 0))
        self.device.kernels.embed(rows, tables, masks, X)
        if self.dims:
            V = space.take("vectors", len(ids), self.dims)
            self.device.take(types.vectors, types.vector_rows[ids], V)
            projected = X[:, hashed:]
            self.device.product(V, weights["embed.vectors.W"].T, projected)
            projected *= masks[-1]
        Y, backprop_mix = maxout_norm(weights, "embed", X, space)

        def backprop(dY: Floats, gradients: Parameters) -> Floats:
            dX = backprop_mix(dY, gradients)
            d_tables = gradients.rows("embed.lower.E", "embed.shape.E")
            self.device.kernels.embed_backward(rows, dX, masks, d_tables)
            if self.dims:
                dW = space.take("d_weights", width, self.dims)
                self.device.product((dX[:, hashed:] * masks[-1]).T, V, dW)
                gradients["embed.vectors.W"][...] += dW
            return dX

        return Y, backprop

    def field(self, output_rows: Rows) -> Field:
        return receptive_field(output_rows, self.reach, self.depth)

    def encode(
        self, weights: Parameters, embedded: Floats, local: NDArray[np.int32], field: Field, dropout: Dropout,
        space: Workspace,
    ) -> tuple[Floats, Backprop]:  # fmt: skip
        """Vectors in context: rows of `embedded` by local (rows,), -1 in gaps, for the field's lowest rows, to (n,
        width). Dropout goes by the row of the batch, whatever else is computed."""
        on_device = self.device.kernels
        X = space.take("tokens", len(local), self.width)
        on_device.gather(embedded, local, field.rows[0], *dropout.layer(0), X)
        layers = []
        for layer, (rows, below) in enumerate(zip(field.rows[1:], field.below, strict=True)):
            columns = space.take(f"columns.{layer}", len(rows), (2 * self.reach + 1) * self.width)
            on_device.windows(X, below, columns)
            Y, backprop_layer = maxout_norm(weights, f"encode.{layer}", columns, space)
            on_device.add_residual(X, below + self.reach, rows, *dropout.layer(layer + 1), Y)
            layers.append(backprop_layer)
            X = Y

        def backprop(dY: Floats, gradients: Parameters) -> Floats:
            """Returns the gradient of `embedded`."""
            for layer in reversed(range(self.depth)):
                rows, below = field.rows[layer + 1], field.below[layer]
                dropped = space.take("d_dropped", len(rows), self.width)
                on_device.copy_dropped(dY, rows, *dropout.layer(layer + 1), dropped)
                dX = space.take(f"d_layer.{layer % 2}", len(field.rows[layer]), self.width)
                on_device.windows_backward(layers[layer](dropped, gradients), dY, below, dX)
                dY = dX
            d_embedded: Floats = space.take("d_embedded", *embedded.shape)
            d_embedded[...] = 0
            on_device.gather_backward(dY, local, field.rows[0], *dropout.layer(0), d_embedded)
            return d_embedded

        return X, backprop

    def __call__(
        self, weights: Parameters, types: TypeTable, ids: NDArray[np.int32], output_rows: Rows, dropout: Dropout,
        space: Workspace,
    ) -> tuple[Floats, Backprop]:  # fmt: skip
        tiled = self._computes_all(output_rows)
        if tiled:
            first = int(output_rows[0]) - self.gap
            local = ids[first : output_rows[-1] + self.gap + 1].copy()
        else:
            field = self.field(output_rows)
            local = ids[field.rows[0]]
        place = space.places(len(types.hash_rows))
        found = np.empty_like(local)
        count = kernels.distinct(local, place, found)
        embedded, backprop_embed = self.embed(weights, types, found[:count], dropout, space)
        if tiled:
            layers = TiledLayers(weights, self.depth)
            encoded, backprop_encode = layers(embedded, local, first, output_rows - first, dropout, space)
        else:
            encoded, backprop_encode = self.encode(weights, embedded, local, field, dropout, space)

        def backprop(dX: Floats, gradients: Parameters) -> Floats:
            return backprop_embed(backprop_encode(dX, gradients), gradients)

        return encoded, backprop

    def embed_once(
        self, weights: Parameters, types: TypeTable, occurring: NDArray[np.int64], space: Workspace
    ) -> Encode:
        places = np.full(len(types.hash_rows) + 1, -1, dtype=np.int32)  # the last is the gaps'
        places[occurring] = np.arange(len(occurring))
        embedded: Floats = self.device.xp.empty((len(occurring), self.width), dtype=np.float32)
        for start in range(0, len(occurring), EMBEDDED_AT_ONCE):
            block = occurring[start : start + EMBEDDED_AT_ONCE]
            embedded[start : start + len(block)] = self.embed(weights, types, block, NO_DROPOUT, space)[0]

        paired = PairedLayers(weights, self.depth) if self._beside else None

        def encode(ids: NDArray[np.int32], output_rows: Rows, own: Workspace) -> Floats:
            if paired is not None:
                return paired(embedded, places[ids], own)[output_rows]
            field = self.field(output_rows)
            return self.encode(weights, embedded, places[ids[field.rows[0]]], field, NO_DROPOUT, own)[0]

        return encode
