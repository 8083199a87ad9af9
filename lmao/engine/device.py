"""Where the model computes: its array module, its kernels, its product. Everything else of a run stays on the host."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.engine import kernels
from lmao.engine.array_kernels import ArrayKernels
from lmao.engine.parameters import Floats
from lmao.errors import UserError

INSTALL = "pip install -e '.[gpu]' where there is an NVIDIA GPU, or leave device=cpu"


class Device:
    """The processor, through numpy and the compiled kernels."""

    xp: Any = np
    kernels: Any = kernels

    def to_device(self, array: NDArray[Any]) -> Any:
        return array

    def to_host(self, array: Any) -> NDArray[Any]:
        return np.asarray(array)

    def product(self, A: Floats, B: Floats, out: Floats) -> None:
        """out = A @ B. A and B may be transposed views; out is not A or B."""
        np.matmul(A, B, out=out)

    def take(self, table: Floats, rows: NDArray[np.int32], out: Floats) -> None:
        """out = table[rows]; -1 is the last row."""
        np.take(table, rows, axis=0, out=out, mode="wrap")

    def blas(self) -> str:
        """The library that multiplies matrices, for a run's record: "numpy: scipy-openblas 0.3.31" for example.

        numpy's library, not the BLIS that comes with thinc: on a processor with AVX-512 that did a layer's products at
        35 GFLOP/s and OpenBLAS at 93; where OpenBLAS was held to its kernels for SSE, BLIS gained 1.1 at most.
        """
        built_with = np.show_config("dicts")["Build Dependencies"]["blas"]
        return f"numpy: {built_with.get('name', 'unknown')} {built_with.get('version', '')}".rstrip()


class ArrayDevice(Device):
    """What thinc's ops compute on: a GPU through CuPy, or whatever else their array module stands for."""

    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self.xp = ops.xp
        self.kernels = ArrayKernels(ops.xp)

    def to_device(self, array: NDArray[Any]) -> Any:
        return self._ops.asarray(array)

    def to_host(self, array: Any) -> NDArray[Any]:
        host: NDArray[Any] = self._ops.to_numpy(array)
        return host

    def product(self, A: Floats, B: Floats, out: Floats) -> None:
        out[...] = A @ B

    def take(self, table: Floats, rows: NDArray[np.int32], out: Floats) -> None:
        out[...] = table[rows]

    def blas(self) -> str:
        return f"{self.xp.__name__} {self.xp.__version__}"


CPU = Device()


def open_device(name: str) -> Device:
    """`cpu`, or `gpu`: the first NVIDIA one.

    Raises:
        UserError: there is no CuPy, or no GPU that it finds.
    """
    if name == "cpu":
        return CPU
    from thinc.api import get_ops
    from thinc.compat import has_cupy, has_cupy_gpu

    if not has_cupy:
        raise UserError("cupy is not installed", setting="device=gpu", advice=INSTALL)
    if not has_cupy_gpu:
        raise UserError(
            "cupy finds no NVIDIA GPU on this machine",
            setting="device=gpu",
            advice="look at nvidia-smi, or leave device=cpu",
        )
    return ArrayDevice(get_ops("cupy"))
