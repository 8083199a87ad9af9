"""The one place where matrices are multiplied, with the library that is faster on this machine.

numpy brings OpenBLAS, Accelerate, MKL, or whatever it was built with; thinc brings BLIS. They differ in the processors
they have kernels for: on one with AVX-512 we saw OpenBLAS at 103 GFLOP/s and BLIS at 35.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from lmao.engine.parameters import Floats

# BLIS must be that much faster: a choice that noise could turn would change the last bits of a result.
CLEARLY = 1.5
ROUNDS = 8  # the best counts, so that other work on the machine does not
SHAPE = (400, 288, 288)  # rows, inputs, units: a layer of the default encoder


def product(A: Floats, B: Floats, out: Floats) -> None:
    """out = A @ B. A and B may be transposed views; out is not A or B."""
    LIBRARIES[fastest()](A, B, out)


@cache
def fastest() -> str:
    """Measured once a process, in some 25 ms, on one thread, as a `Team` has it: more spin where cores are busy."""
    rows, inputs, units = SHAPE
    X, W, Y = (np.ones(shape, dtype=np.float32) for shape in ((rows, inputs), (units, inputs), (rows, units)))
    seconds = dict.fromkeys(LIBRARIES, np.inf)
    with threadpool_limits(limits=1):
        for _ in range(ROUNDS):
            for name, multiply in LIBRARIES.items():
                began = perf_counter()
                multiply(X, W.T, Y)
                seconds[name] = min(seconds[name], perf_counter() - began)
    return choose(seconds)


def choose(seconds: Mapping[str, float]) -> str:
    return "blis" if seconds["blis"] * CLEARLY < seconds["numpy"] else "numpy"


def description() -> str:
    """What multiplies, for the record of a run: "numpy: scipy-openblas 0.3.31" for example."""
    if fastest() == "blis":
        return f"blis {version('blis')}"
    built_with = np.show_config("dicts")["Build Dependencies"]["blas"]
    return f"numpy: {built_with.get('name', 'unknown')} {built_with.get('version', '')}".rstrip()


def _numpy(A: Floats, B: Floats, out: Floats) -> None:
    np.matmul(A, B, out=out)


def _blis(A: Floats, B: Floats, out: Floats) -> None:
    from blis.py import gemm

    turned = [not matrix.flags.c_contiguous for matrix in (A, B)]
    left, right = (matrix.T if turn else matrix for matrix, turn in zip((A, B), turned, strict=True))
    if out.size and A.size and all(matrix.flags.c_contiguous for matrix in (left, right, out)):
        gemm(left, right, out=out, trans1=turned[0], trans2=turned[1], beta=0.0)
    else:  # its Python interface knows neither empty matrices nor parts of a row
        np.matmul(A, B, out=out)


LIBRARIES: dict[str, Callable[[Floats, Floats, Floats], None]] = {"numpy": _numpy, "blis": _blis}
