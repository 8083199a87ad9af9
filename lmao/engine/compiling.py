"""The one way to compile a loop: a function with typed arguments comes in, machine code goes out.

Inner loops run from 0 over a slice: an index that could be negative, for all the compiler knows, is not vectorised. Nor
is a choice between bytes, by AVX2; and an assignment of whole rows takes several times as long as one number by number.
"""

import os
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

import numba
import numpy as np
from numpy.typing import NDArray

from lmao.engine.compiled_code import VARIABLE, place_of_compiled
from lmao.stop import StopSignal

if place := place_of_compiled():
    os.environ[VARIABLE] = numba.config.CACHE_DIR = place  # the variable for what numba reads again

# What a kernel takes: for a reader and mypy the type, for numba its own name of it. Arrays are row-major.
Bits = Annotated[Any, "u8"]  # 64 random bits, or what becomes of them
Integer = Annotated[int, "i8"]
Float = Annotated[float | np.float32, "f4"]
Bits1d = Annotated[NDArray[np.uint64], "u8[::1]"]
Bytes2d = Annotated[NDArray[np.int8], "i1[:,::1]"]
Ids1d = Annotated[NDArray[np.int32], "i4[::1]"]
Ids2d = Annotated[NDArray[np.int32], "i4[:,::1]"]
Ids3d = Annotated[NDArray[np.int32], "i4[:,:,::1]"]
Ints1d = Annotated[NDArray[np.int64], "i8[::1]"]
Ints2d = Annotated[NDArray[np.int64], "i8[:,::1]"]
Floats1d = Annotated[NDArray[np.float32], "f4[::1]"]
Floats2d = Annotated[NDArray[np.float32], "f4[:,::1]"]
Floats3d = Annotated[NDArray[np.float32], "f4[:,:,::1]"]
Doubles1d = Annotated[NDArray[np.float64], "f8[::1]"]
# Of a memory map, for example: arrays that may not be written to, and may begin anywhere.
StoredBytes1d = Annotated[NDArray[np.uint8], 'Array(u1, 1, "C", readonly=True)']
StoredIds1d = Annotated[NDArray[np.int32], 'Array(i4, 1, "C", readonly=True)']
StoredFloats2d = Annotated[NDArray[np.float32], 'Array(f4, 2, "C", readonly=True, aligned=False)']

# Reductions may be reordered, which vectorises them; NaN and infinity keep their meaning, divergence must show.
FAST = {"reassoc", "nsz", "contract", "arcp"}

Loop = TypeVar("Loop", bound=Callable[..., Any])


def kernel(loop: Loop) -> Loop:
    """Compile now, or load what an earlier process compiled: no time measured later contains it. It releases the GIL.

    The compiled code is kept until the loop's own file changes. So a kernel that calls another one is in the same file,
    and after a change here, or in `splitmix`, the `__pycache__` folders must be deleted.
    """
    hints = get_type_hints(loop, include_extras=True)
    names = ["void" if hint is type(None) else hint.__metadata__[0] for hint in hints.values()]
    signature = f"{names.pop()}({', '.join(names)})"  # the last one is what it returns
    with StopSignal.uninterrupted():  # the compiler calls numba back from C, where an exception is lost
        compiled: Loop = numba.njit(signature, nogil=True, cache=True, fastmath=FAST, error_model="numpy")(loop)
    return compiled
