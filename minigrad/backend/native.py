"""The native kernels of the CPU, where they could be compiled; NumPy does everything else.

An op's forward on NumPy arrays asks ``kernel("relu", x)``. It gets the kernel for the type of its
arrays, or None, and then goes the NumPy way, which is the reference. ``MINIGRAD_CPU`` chooses what
is used from the start: ``numpy`` for no kernels, or the name of a level.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import settings

why_not = ""  # why there are no kernels; minigrad doctor says it
try:
    _cpu: Any = importlib.import_module("minigrad._cpu")
except ImportError as error:  # not compiled, or for another version of Python or NumPy
    _cpu, why_not = None, str(error)

__all__ = [
    "get_threads",
    "join_rows",
    "kernel",
    "level",
    "levels",
    "matmul",
    "pointwise",
    "set_threads",
    "use",
]

_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)
_of_f32: dict[str, Callable[..., None]] = {}
_of_f64: dict[str, Callable[..., None]] = {}
_ufuncs: dict[str, Any] = {}
_matmul: Callable[[Any, Any, Any], Any] | None = None
_level = "numpy"


def kernel(name: str, *arrays: Any) -> Callable[..., None] | None:
    """The kernel for arrays of one type, float32 or float64, on the CPU and without gaps; or None.

    It takes the arrays and numbers that its C file says, checks nothing, and writes to arrays.

    >>> import numpy as np
    >>> kernel("relu", np.ones(3, np.float16)) is None
    True
    """
    dtype = arrays[0].dtype
    found = (_of_f32 if dtype is _F32 else _of_f64 if dtype is _F64 else {}).get(name)
    if found is None:
        return None
    for array in arrays:
        if (
            type(array) is not np.ndarray
            or array.dtype is not dtype
            or not array.flags.c_contiguous
        ):
            return None
    return found


def pointwise(name: str, x: Any, *others: Any) -> Any:
    """A function of pointwise.c, of a float32 or float64 array and of arrays like it and numbers.

    They are broadcast; the array is the first or the second. None without kernels, and for what is
    no such array.

    >>> found = pointwise("hypot", np.array([3.0]), 4.0)
    >>> found is None or found.tolist() == [5.0]
    True
    """
    array = others[0] if others and (type(x) is float or type(x) is int) else x
    if type(array) is not np.ndarray or array.dtype.char not in "fd":
        return None
    ufunc = _ufuncs.get(name)
    if ufunc is None:
        return None
    out = ufunc(x, *others)
    return out if out.dtype is array.dtype else None


def levels() -> list[str]:
    """What can be used here: "numpy", and the levels of kernels that this processor supports.

    >>> levels()[0]
    'numpy'
    """
    there = [] if _cpu is None else [name for name, supported in _cpu.levels() if supported]
    return ["numpy", *there]


def level() -> str:
    """What is in use.

    >>> level() in levels()
    True
    """
    return _level


def use(name: str) -> None:
    """Use the kernels of a level, or none of them ("numpy").

    Raises: ValueError for a level that is not there.

    >>> before = level()
    >>> use("numpy"); level()
    'numpy'
    >>> use(before)
    """
    global _level, _matmul
    if name not in levels():
        raise ValueError(f"native kernels: expected one of {', '.join(levels())}, got {name!r}")
    _of_f32.clear()
    _of_f64.clear()
    _ufuncs.clear()
    if name != "numpy":
        _cpu.use(name)
        for full, run in _cpu.kernels().items():
            table = _of_f32 if full.endswith("_f32") else _of_f64
            table[full[: -len("_f32")]] = run
        _ufuncs.update(_cpu.ufuncs())
    _matmul = None if name == "numpy" else _cpu.matmul
    _level = name


def matmul(a: Any, b: Any, bias: Any = None) -> Any:
    """``a @ b + bias`` for matrices or stacks of them where the kernel is the faster way, or None.

    >>> import numpy as np
    >>> made = matmul(np.eye(2), np.ones((2, 2)), np.ones(2))
    >>> made is None or made.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    True
    """
    return None if _matmul is None else _matmul(a, b, bias)


def join_rows(arrays: list[Any], out: Any) -> bool:
    """Copy each array into its row of another, if all fit it exactly; else False, and no copy.

    >>> import numpy as np
    >>> join_rows([np.ones(2, np.float32)], np.empty((1, 2)))
    False
    """
    return _level != "numpy" and bool(_cpu.join_rows(arrays, out))


def set_threads(count: int) -> None:
    """Set how many threads the kernels use; results do not depend on it.

    >>> set_threads(get_threads())
    """
    if _cpu is not None:
        _cpu.set_threads(count)


def get_threads() -> int:
    """How many threads the kernels use.

    >>> get_threads() >= 1
    True
    """
    return 1 if _cpu is None else int(_cpu.get_threads())


use(os.environ.get("MINIGRAD_CPU") or levels()[-1])
settings.add_pool(set_threads)
