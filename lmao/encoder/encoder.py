"""The encoder protocol: words of a batch come in, a vector for each goes out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.batches import Rows
from lmao.encoder.dropout import Dropout
from lmao.engine.device import Device
from lmao.engine.layers import Backprop, Workspace
from lmao.engine.parameters import Floats, Parameters

# ids (rows,) int32 of a batch's types, and the rows (n,) of some of its words, ascending, to their vectors (n, width).
Encode = Callable[[NDArray[np.int32], Rows, Workspace], Floats]


@dataclass(frozen=True)
class TypeTable:
    """What the encoder knows about each type.

    hash_rows (types, features, 4) int32, as the encoder's `hash_rows` has them; vector_rows (types,) int32 into vectors
    (rows, dims), which lie on the encoder's device; their last row is zeros: that of a type without a vector.
    """

    hash_rows: NDArray[np.int32]
    vector_rows: NDArray[np.int32]
    vectors: Floats


class Encoder(Protocol):
    """Its weights are passed to each call and lie on `device`; rows and ids of words are made, and stay, on the host.

    width: of a word's vector; gap: how many rows without a word a batch has before, between and after texts.
    """

    device: Device
    width: int
    gap: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its weights, by name."""

    def hash_rows(self, types: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Where it looks types (types, 4) up: their lower-case form, prefix, suffix and shape, hashed, become rows
        (types, features, 4) of its tables, four for each feature that it has."""

    def __call__(
        self, weights: Parameters, types: TypeTable, ids: NDArray[np.int32], output_rows: Rows, dropout: Dropout,
        space: Workspace,
    ) -> tuple[Floats, Backprop]:  # fmt: skip
        """The vectors (n, width) of some words of a batch: ids (rows,) of its types, -1 in gaps, output_rows ascending
        rows."""

    def embed_once(
        self, weights: Parameters, types: TypeTable, occurring: NDArray[np.int64], space: Workspace
    ) -> Encode:
        """For batches that nothing is learned from: does now what depends on the occurring types (n,) alone. Several
        threads may call the function that is returned, each with its own workspace."""
