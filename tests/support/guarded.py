"""numpy as if it were a GPU's array module: arrays on the device and on the host do not meet, as with CuPy.

One mistake passes unseen: an array of the device written into one of the host.
"""

from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Guarded(np.ndarray[Any, Any]):
    """On the device. Host arrays may index it, as they may a CuPy array, and nothing else."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        _check(inputs[::2] if method == "at" else (inputs, out))
        if out:
            options["out"] = _plain(out)
        result = getattr(ufunc, method)(*_plain(inputs), **options)
        return out[0] if out else _guard(result)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        _check((arguments, tuple(options.values())))
        return _guard(function(*_plain(arguments), **{name: _plain(one) for name, one in options.items()}))

    def __setitem__(self, where: Any, value: Any) -> None:
        _check(value)
        super().__setitem__(where, value)


def _check(value: Any) -> None:
    for one in value if isinstance(value, tuple | list) else ():
        _check(one)
    if isinstance(value, np.ndarray) and value.ndim and not isinstance(value, Guarded):
        raise TypeError("an array of the host meets one of the device")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(_plain(one) for one in value)
    return value.view(np.ndarray) if isinstance(value, Guarded) else value


def _guard(value: Any) -> Any:
    return value.view(Guarded) if isinstance(value, np.ndarray) else value


class _Module:
    __name__ = "guarded"
    __version__ = np.__version__

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if not isinstance(found, FunctionType | BuiltinFunctionType):
            return found
        return lambda *arguments, **options: _guard(found(*arguments, **options))


class GuardedOps:
    """What `ArrayDevice` uses of thinc's ops."""

    xp = _Module()

    def asarray(self, array: NDArray[Any]) -> Guarded:
        return np.array(array).view(Guarded)

    def to_numpy(self, array: Guarded) -> NDArray[Any]:
        assert isinstance(array, Guarded)
        return np.array(array.view(np.ndarray))
