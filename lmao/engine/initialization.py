"""First weights: shapes and a seed come in, `Parameters` as spaCy would draw them go out."""

from collections.abc import Mapping

import numpy as np

from lmao.engine.parameters import Parameters
from lmao.streams import stream


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
