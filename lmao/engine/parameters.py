"""A model's weights: named arrays that lie in one flat array, so that an optimizer's step is one pass."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Shapes = Mapping[str, tuple[int, ...]]


class Parameters:
    """flat (size,) float32 and its views by name, in the order of `shapes`."""

    def __init__(self, shapes: Shapes, flat: Floats | None = None) -> None:
        self.shapes = dict(shapes)
        self.spans: dict[str, slice] = {}
        start = 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            self.spans[name] = slice(start, start + size)
            start += size
        self.flat: Floats = np.zeros(start, dtype=np.float32) if flat is None else flat
        self._views = {name: self.flat[span].reshape(self.shapes[name]) for name, span in self.spans.items()}

    def __getitem__(self, name: str) -> Floats:
        return self._views[name]

    def rows(self, first: str, last: str) -> Floats:
        """Neighbouring matrices of the same width as one matrix."""
        width = self.shapes[first][1]
        return self.flat[self.spans[first].start : self.spans[last].stop].reshape(-1, width)

    def like(self, flat: Floats) -> "Parameters":
        return Parameters(self.shapes, flat)

    def copy_from(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Overwrite the arrays that are named."""
        for name, values in arrays.items():
            self._views[name][...] = values
