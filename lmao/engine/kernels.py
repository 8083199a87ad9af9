"""Compiled loops, for what would take numpy many passes: what `Device.kernels` is on the processor.

All matrices are float32, row-major, and written into buffers the caller owns. `array_kernels` has the same functions
for a GPU, except those that stay on the host: `dilate`, `distinct`, `lay_out`, and those of pairs and tiles.
"""

from lmao.engine.compiled.adam import adam, adam_arrays, collect
from lmao.engine.compiled.dropout import LEVELS, add_residual, copy_dropped, gather, gather_backward
from lmao.engine.compiled.embedding import distinct, embed, embed_backward
from lmao.engine.compiled.maxout import maxout_norm, maxout_norm_backward
from lmao.engine.compiled.pairs import maxout_norm_pairs, pair_factors, pair_inputs, pair_outputs
from lmao.engine.compiled.pooling import pool_mean, pool_mean_backward
from lmao.engine.compiled.tiles import (
    tile_factors,
    tile_factors_backward,
    tile_inputs,
    tile_inputs_backward,
    tile_outputs_backward,
)
from lmao.engine.compiled.windows import dilate, lay_out, windows, windows_backward

__all__ = [
    "LEVELS",
    "adam",
    "adam_arrays",
    "add_residual",
    "collect",
    "copy_dropped",
    "dilate",
    "distinct",
    "embed",
    "embed_backward",
    "gather",
    "gather_backward",
    "lay_out",
    "maxout_norm",
    "maxout_norm_backward",
    "maxout_norm_pairs",
    "pair_factors",
    "pair_inputs",
    "pair_outputs",
    "pool_mean",
    "pool_mean_backward",
    "tile_factors",
    "tile_factors_backward",
    "tile_inputs",
    "tile_inputs_backward",
    "tile_outputs_backward",
    "windows",
    "windows_backward",
]
