"""SplitMix64 (Steele et al. 2014): a position comes in, random bits go out; there is no state to keep."""

import numpy as np

from lmao.engine.compiling import Bits, kernel

STEP = np.uint64(0x9E3779B97F4A7C15)  # from one position to the next


def mix(z: Bits) -> Bits:
    """The bits at z, a key plus a multiple of STEP: one uint64, or an array of them."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


mix_one = kernel(mix)
