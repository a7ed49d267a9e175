"""Kernels by name: those of the CPU, where they could be compiled, and those of a card.

An op's forward asks ``kernel("relu", x)``. It gets the kernel for the type of its arrays and for
where they lie, or None, and then goes the way of the array module, which is the reference. Names,
arguments and results are the same on the CPU (``kernels/cpu``) and on a card (``kernels/cuda``).
``MINIGRAD_CPU`` chooses what is used of the CPU's from the start: ``numpy`` for none, or the name
of a level.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from minigrad import settings

why_not = ""  # why there are no kernels; minigrad doctor says it
try:
    _cpu: Any = importlib.import_module("minigrad._cpu")
except ImportError as error:  # not compiled, or for another version of Python or NumPy
    _cpu, why_not = None, str(error)

__all__ = [
    "allow_winograd",
    "array_types",
    "get_threads",
    "join_rows",
    "kernel",
    "level",
    "levels",
    "matmul",
    "pointwise",
    "serve",
    "set_far",
    "set_threads",
    "ufunc",
    "use",
    "winograd_allowed",
]

_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)
_of_f32: dict[str, Callable[..., None]] = {}
_of_f64: dict[str, Callable[..., None]] = {}
_ufuncs: dict[str, Any] = {}
_functions: dict[str, Any] = {} if _cpu is None else _cpu.ufuncs()  # of pointwise.c
ARITHMETIC = ("add", "subtract", "multiply", "true_divide")
_stand_ins: dict[str, Any] = {} if _cpu is None else _cpu.stand_ins()
_stand_ins.update((name, _functions[name]) for name in ARITHMETIC if name in _functions)
_matmul: Callable[[Any, Any, Any, Any], Any] | None = None
_level = "numpy"

# The classes of arrays that there are kernels for; the backend of a card adds its own.
array_types: set[Any] = {np.ndarray}
_of_card: Callable[..., Any] | None = None


def serve(array_type: type, find: Callable[..., Any]) -> None:
    """Let ``find(name, *arrays)`` look for kernels where the first array is of this class."""
    global _of_card
    array_types.add(array_type)
    _of_card = find


def kernel(name: str, *arrays: Any) -> Callable[..., None] | None:
    """The kernel for arrays of one type of floating point, in one place and without gaps; or None.

    It takes the arrays and numbers that its C file says, and writes to arrays. Those of the CPU,
    for float32 and float64, check nothing.

    >>> import numpy as np
    >>> kernel("relu", np.ones(3, np.float16)) is None
    True
    """
    dtype = arrays[0].dtype
    found = (_of_f32 if dtype is _F32 else _of_f64 if dtype is _F64 else {}).get(name)
    if found is None:
        return _elsewhere(name, arrays)
    for array in arrays:
        if (
            type(array) is not np.ndarray
            or array.dtype is not dtype
            or not array.flags.c_contiguous
        ):
            return _elsewhere(name, arrays)
    return found


def _elsewhere(name: str, arrays: tuple[Any, ...]) -> Callable[..., None] | None:
    """The kernel of a card, if that is where the first array lies."""
    kind = type(arrays[0])
    if _of_card is None or kind is np.ndarray or kind not in array_types:
        return None
    return cast("Callable[..., None] | None", _of_card(name, *arrays))


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
    return out if out.dtype.char == array.dtype.char else None


def ufunc(xp: Any, name: str, like: Any = None) -> Any:
    """The array module's function of that name; of NumPy's some have a kernel.

    Those are kernels/cpu/wide.c, for float32: NumPy's own may be off by three units in the last
    place; and arithmetic, where NumPy would begin anew for each row of a matrix. They are NumPy's
    ufuncs in all else, and without kernels; only bfloat16, which another package taught NumPy, they
    do not know, so it is NumPy's own for an array ``like`` that.

    >>> ufunc(np, "exp")(np.zeros(2)).tolist()
    [1.0, 1.0]
    """
    found = _stand_ins.get(name) if xp is np and getattr(like, "dtype", _F32).kind != "V" else None
    return getattr(xp, name) if found is None else found


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
    if _cpu is not None:
        _cpu.use(name)
    if name != "numpy":
        for full, run in _cpu.kernels().items():
            table = _of_f32 if full.endswith("_f32") else _of_f64
            table[full[: -len("_f32")]] = run
        _ufuncs.update(_functions)
    _matmul = None if name == "numpy" else _cpu.matmul
    _level = name


def matmul(a: Any, b: Any, bias: Any = None, out: Any = None) -> Any:
    """``a @ b + bias`` for matrices or stacks of them where the kernel is the faster way, or None.

    On a card it is cuBLAS, for all types of floating point and for vectors as well. ``out``, an
    array of the result's shape and type without gaps that is none of them, is written to.

    >>> import numpy as np
    >>> made = matmul(np.eye(2), np.ones((2, 2)), np.ones(2))
    >>> made is None or made.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    True
    """
    made = None if _matmul is None else _matmul(a, b, bias, out)
    if made is None and type(a) is not np.ndarray and type(a) in array_types:
        from minigrad.backend import cublas  # once there is a card

        made = cublas.matmul(a, b, bias, out)
    return made


def join_rows(arrays: list[Any], out: Any) -> bool:
    """Copy each array into its row of another, if all fit it exactly; else False, and no copy.

    >>> import numpy as np
    >>> join_rows([np.ones(2, np.float32)], np.empty((1, 2)))
    False
    """
    return _level != "numpy" and bool(_cpu.join_rows(arrays, out))


def set_far(size: int) -> int:
    """Let results of so many bytes or more be written past the caches; what it was before.

    Only their speed depends on it: what no cache holds is written without being read first.

    >>> before = set_far(1 << 20)
    >>> set_far(before) in (0, 1 << 20)
    True
    """
    return 0 if _cpu is None else int(_cpu.set_far(size))


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


def allow_winograd(allowed: bool) -> None:
    """Say whether 3x3 and 5x5 convolutions without strides may be done by Winograd's algorithm.

    It needs 2.25 times fewer multiplications than the sums themselves (tiles of 2x2 results), 4
    times (4x4) or 2.8 times (5x5 filters, 2x2), for the result and both gradients. It is allowed at
    first, and then taken for sizes at which it was measured to be the faster. Its error is at most
    5 times torch's in the quadratic mean, 0.5 to 4 units in the last place of the largest result; a
    sum of nothing but zeros may come out as such a unit and not as zero. Convolutions of less than
    two million products are never done so: those of whole numbers stay exact.

    Source: https://arxiv.org/abs/1509.09308

    >>> before = winograd_allowed()
    >>> allow_winograd(False); winograd_allowed()
    False
    >>> allow_winograd(before)
    """
    if _cpu is not None:
        _cpu.allow_winograd(bool(allowed))


def winograd_allowed() -> bool:
    """What :func:`allow_winograd` has said; False without kernels.

    >>> winograd_allowed() in (True, False)
    True
    """
    return False if _cpu is None else bool(_cpu.winograd_allowed())


use(os.environ.get("MINIGRAD_CPU") or levels()[-1])
settings.add_pool(set_threads)
