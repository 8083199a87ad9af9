"""One seed, named random streams: what is compared differs, everything else is drawn alike in every arm."""

import hashlib
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def stream(seed: int, name: str, *position: int) -> np.random.Generator:
    """The generator of a stream (`subset`, `init`, `textcat order`, …) at a position, an epoch and step for example.

    A pure function of its arguments: a resumed run needs no generator's state, only where it stood.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(name.encode()), *position)))


def key(seed: int, name: str, *position: int) -> int:
    """A 63-bit number for the kernels' own counter-based draws."""
    return int(stream(seed, name, *position).integers(1 << 63))


def digest(numbers: NDArray[Any]) -> str:
    """20 hex digits that stand for them."""
    return hashlib.sha256(np.ascontiguousarray(numbers).tobytes()).hexdigest()[:20]
