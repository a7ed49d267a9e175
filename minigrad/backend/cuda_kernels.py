"""The CUDA kernels, run: compiled at first use, kept, and launched with checked arguments.

Where they run is an engine: CuPy's card, CuPy's stand-in, or the CPU by ``minigrad.cuda.on_cpu``.
``kernels/cuda/README.md`` is the contract.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import ml_dtypes
import numpy as np

from minigrad.backend import cuda_plans, native
from minigrad.backend.cuda_source import DTYPES, Declaration, Parameter, declarations, file_of
from minigrad.backend.cuda_source import source as source
from minigrad.backends import cudnn
from minigrad.settings import are_deterministic_algorithms_enabled

__all__ = ["CupyEngine", "Engine", "Kernel", "Kernels", "kernel", "serve", "served"]

MOST_BLOCKS = 4096  # of a grid-stride loop: 16 or more for each multiprocessor of any card
STATIC_SHARED = 48 << 10  # bytes of dynamic shared memory that need not be asked for
ITEMS = {
    "i64": "int64",
    "long long": "int64",
    "int": "int32",
    "u32": "uint32",
    "unsigned": "uint32",
    "u64": "uint64",
    "u8": "uint8",
    "bool": "bool",
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "bfloat16": "bfloat16",
}


class Engine(Protocol):
    """Where kernels run; ``array`` is the type of what lies there."""

    array: type

    def compile(self, name: str, code: str) -> Any:
        """A module: ``get_function(kernel)(grid, block, arguments, shared_mem=bytes)``."""

    def empty(self, shape: Any, dtype: Any) -> Any:
        """Scratch memory."""


class CupyEngine:
    """A card, through CuPy or what stands in for it."""

    def __init__(self, cupy: Any) -> None:
        self.cupy, self.array = cupy, cupy.ndarray

    def compile(self, name: str, code: str) -> Any:
        """CuPy's module, which is compiled for each card when it is first used there."""
        return self.cupy.RawModule(code=code, options=("--std=c++17",), backend="nvrtc")

    def empty(self, shape: Any, dtype: Any) -> Any:
        """From CuPy's memory pool."""
        return self.cupy.empty(shape, dtype)


def numpy_dtype(name: str) -> np.dtype[Any]:
    """NumPy's dtype of a name; bfloat16 is that of ml_dtypes.

    >>> numpy_dtype("bfloat16").itemsize
    2
    """
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def ceil(count: int, per: int) -> int:
    """How many parts of a size cover a count.

    >>> ceil(10, 4)
    3
    """
    return -(-count // per)


def cover(count: int, per: int) -> int:
    """How many blocks a grid-stride loop is given, that does ``per`` in each.

    >>> cover(0, 1024), cover(10_000, 1024), cover(10**9, 1024)
    (1, 10, 4096)
    """
    return max(1, min(-(-count // per), MOST_BLOCKS))


class Kernel:
    """One kernel for one type of numbers; calling it checks the arguments and launches.

    The function that does it is made from the declaration: a launch is on the way of every op, and
    a general loop over arguments would take several times as long.

    Raises: TypeError or ValueError that names kernel and parameter.
    """

    def __init__(self, declaration: Declaration, dtype: str, function: Any, array: type) -> None:
        self.name, self.declaration, self.dtype = declaration.name, declaration, dtype
        self.array: Any = array  # a card would take what another one holds for an address
        self._wanted = [_wanted(parameter, dtype) for parameter in declaration.parameters]
        known = {
            "cover": cover,
            "ceil": ceil,
            "itemsize": numpy_dtype(dtype).itemsize,
            "_function": function,
            "_block": (declaration.threads,),
            "_array": array,
            "_checked": self.checked,
            "_room": self._room,
        }
        tests = []
        for number, parameter in enumerate(declaration.parameters):
            name, want = parameter.name, self._wanted[number]
            if isinstance(want, _Array):
                known[f"_dtype{number}"] = want.dtype
                tests.append(f"{name}.__class__ is _array and {name}.dtype is _dtype{number}")
                tests.append(f"{name}.flags.c_contiguous")
            else:
                exact = "int" if want is _whole else "float" if want is _fraction else ""
                tests.append(f"{name}.__class__ is {exact}" if exact else "False")
        names = ", ".join(parameter.name for parameter in declaration.parameters)
        shared = declaration.shared
        text = f"""def run(*_given):
    try:
        {names}, = _given
        _right = {" and ".join(tests)}
    except (ValueError, AttributeError):
        _right = False
    if not _right:
        {names}, = _given = _checked(_given)
    _grid = {declaration.grid}
    _function(
        _grid if _grid.__class__ is tuple else (_grid,), _block, _given,
        shared_mem={shared if shared == "0" else f"_room({shared})"},
    )
"""
        exec(text, known)
        self.run: Callable[..., None] = known["run"]
        self._function, self._most_shared = function, STATIC_SHARED

    def __call__(self, *arguments: Any) -> None:
        """Launch on the current stream."""
        self.run(*arguments)

    def _room(self, shared: int) -> int:
        """So many bytes of shared memory; many are asked for before, of each card for itself."""
        if shared > STATIC_SHARED:
            self._most_shared = max(self._most_shared, shared)
            self._function.max_dynamic_shared_size_bytes = self._most_shared
        return shared

    def checked(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments as they are handed over: pointers, int64 and float64, structs."""
        if len(arguments) != len(self._wanted):
            raise TypeError(
                f"{self.name}: {len(arguments)} arguments given, it takes {len(self._wanted)}"
            )
        each = enumerate(zip(self._wanted, arguments, strict=True))
        return tuple([want(self, number, value) for number, (want, value) in each])

    def complaint(self, number: int, text: str) -> str:
        """What a wrong argument is answered with."""
        parameter = self.declaration.parameters[number]
        return f"{self.name}, argument {number} ({parameter.name}): {text}"


_Check = Callable[[Kernel, int, Any], Any]


def _wanted(parameter: Parameter, dtype: str) -> _Check:
    if not parameter.pointer:
        return {"i64": _whole, "double": _fraction}.get(parameter.type, _struct)
    wide = "float64" if dtype == "float64" else "float32"
    name = {"real": dtype, "wide": wide}.get(parameter.type) or ITEMS.get(parameter.type)
    if name is None:
        return _table
    return _Array(numpy_dtype(name))


class _Array:
    """Wants an array of one type, without gaps; None is a null pointer."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype

    def __call__(self, to: Kernel, number: int, value: Any) -> Any:
        if value is None:
            return 0
        if not isinstance(value, to.array):
            of = f" of {to.array.__module__}" if hasattr(value, "dtype") else ""
            text = f"expected an array{of}, got {type(value).__module__}.{type(value).__name__}"
            raise TypeError(to.complaint(number, text.replace("builtins.", "")))
        found, whole = value.dtype, value.flags.c_contiguous
        if found != self.dtype and not (self.dtype == np.uint8 and found == np.bool_):
            raise TypeError(to.complaint(number, f"expected {self.dtype} elements, got {found}"))
        if not whole:
            raise ValueError(
                to.complaint(number, "the array has gaps; kernels take arrays without")
            )
        return value


def _table(to: Kernel, number: int, value: Any) -> Any:
    """A pointer to something that NumPy has no name for."""
    return 0 if value is None else value


def _whole(to: Kernel, number: int, value: Any) -> int:
    if value.__class__ is int:
        return value
    if isinstance(value, bool | np.integer | np.bool_):
        return int(value)
    raise TypeError(to.complaint(number, f"expected a whole number, got {value!r:.60}"))


def _fraction(to: Kernel, number: int, value: Any) -> float:
    if value.__class__ is float:
        return value
    if isinstance(value, int | float | np.integer | np.floating):
        return float(value)
    raise TypeError(to.complaint(number, f"expected a number, got {value!r:.60}"))


def _struct(to: Kernel, number: int, value: Any) -> Any:
    if isinstance(value, np.void | np.ndarray) and value.dtype.names and value.size == 1:
        return value
    raise TypeError(to.complaint(number, f"expected one structured element, got {value!r:.60}"))


class Kernels:
    """The kernels for one type of numbers on one engine, by name; plans as well.

    ``allow_tf32`` lets convolutions of float32 round factors to TF32; ``deterministic`` makes sums
    at places be taken in the order of the index.

    Raises: KeyError for a name that neither a kernel nor a plan has.
    """

    def __init__(self, engine: Engine, dtype: str) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"kernels: expected one of {', '.join(DTYPES)}, got {dtype!r}")
        self.engine, self.dtype = engine, dtype
        self.allow_tf32 = self.deterministic = False
        self._modules: dict[Path, tuple[Any, dict[str, Declaration]]] = {}
        self._found: dict[str, Callable[..., None]] = {}

    def __getitem__(self, name: str) -> Callable[..., None]:
        """What runs a kernel or a plan."""
        found = self._found.get(name)
        if found is None:
            plan = cuda_plans.PLANS.get(name)
            found = functools.partial(plan, self) if plan else self._compiled(name).run
            self._found[name] = found
        return found

    def get(self, name: str) -> Callable[..., None] | None:
        """What runs a kernel or a plan; None for a name that neither has."""
        found = self._found.get(name)
        if found is None and (name in cuda_plans.PLANS or file_of(name)):
            found = self[name]
        return found

    def _compiled(self, name: str) -> Kernel:
        path = file_of(name)
        if path is None:
            raise KeyError(f"there is no kernel {name!r}")
        if path not in self._modules:
            code = source(path, self.dtype)
            module = self.engine.compile(path.name, code)
            self._modules[path] = module, declarations(path.read_text("utf-8"))
        module, declared = self._modules[path]
        function = module.get_function(declared[name].symbol)
        return Kernel(declared[name], self.dtype, function, self.engine.array)


_served: dict[type, dict[Any, Kernels]] = {}


def serve(array_type: type, engine: Engine) -> None:
    """Let ``kernel`` run on this engine what it is given arrays of this type for."""
    _served[array_type] = {numpy_dtype(name): Kernels(engine, name) for name in DTYPES}
    native.serve(array_type, kernel)


def served(array: Any) -> Kernels | None:
    """The kernels for an array's type of numbers where it lies, set as torch's switches are."""
    kernels = _served.get(array.__class__, {}).get(array.dtype)
    if kernels is not None:
        kernels.allow_tf32 = cudnn.allow_tf32
        kernels.deterministic = cudnn.deterministic or are_deterministic_algorithms_enabled()
    return kernels


def kernel(name: str, *arrays: Any) -> Callable[..., None] | None:
    """The kernel for arrays of one type of numbers, on a card and without gaps; or None.

    >>> kernel("relu", np.ones(3, np.float32)) is None
    True
    """
    first = arrays[0]
    kernels = served(first)
    if kernels is None:
        return None
    for array in arrays:
        if (
            array.__class__ is not first.__class__
            or array.dtype != first.dtype
            or not array.flags.c_contiguous
        ):
            return None
    return kernels.get(name)
