"""Modules and functions as CuPy's RawModule has them, run by g++'s code on NumPy arrays."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.backend.cuda_source import Declaration, Parameter, declarations
from minigrad.cuda.on_cpu.build import build, kept
from minigrad.cuda.on_cpu.findings import KernelError, Launch, Range, RawFinding, explain

__all__ = ["Engine", "Function", "Module", "reaching"]

ORDERS = ("forward", "reversed", "shuffled")
_MARGIN = 1 << 14  # bytes around an argument of a checked launch that belong to nobody
_ALIGN = 256  # an argument's copy lies at the same place between multiples of this
_reached: list[np.ndarray[Any, Any]] = []


@contextlib.contextmanager
def reaching(*arrays: Any) -> Iterator[None]:
    """Arrays that kernels reach through tables of pointers, for the checker.

    >>> with reaching(np.ones(3)):
    ...     pass
    """
    _reached.extend(arrays)
    try:
        yield
    finally:
        del _reached[len(_reached) - len(arrays) :]


class Engine:
    """Runs kernels on NumPy arrays on the CPU: an engine of ``backend/cuda_kernels.py``.

    ``checked`` judges every access; ``order`` says in which order threads and blocks run.

    Raises: KernelError for what a launch does wrong, CompileError where g++ refuses.
    """

    array = np.ndarray

    def __init__(self, checked: bool = False, order: str = "forward", seed: int = 1) -> None:
        if order not in ORDERS:
            raise ValueError(f"order: expected one of {', '.join(ORDERS)}, got {order!r}")
        self.checked, self.order, self.seed = checked, order, seed

    def compile(self, name: str, code: str) -> Module:
        """The module of a kernel file."""
        return Module(name, code, self)

    def empty(self, shape: Any, dtype: Any) -> np.ndarray[Any, Any]:
        """Memory full of ones, which are NaNs: whoever reads it unwritten sees that."""
        array = np.empty(shape, dtype)
        array.reshape(-1).view(np.uint8)[:] = 0xFF
        return array


class Module:
    """A compiled kernel file."""

    def __init__(
        self,
        name: str,
        code: str,
        engine: Engine,
        names: tuple[str, ...] = (),
        options: tuple[str, ...] = (),
    ) -> None:
        self.name, self.engine = name, engine
        self.declared = declarations(code)
        self._of_symbol = {each.symbol: each for each in self.declared.values()}
        self.entries = {entry: k for k, entry in enumerate(names or self._of_symbol)}
        unit = code + "".join(
            f"\nCUDA_ON_CPU_ENTRY({k}, &{entry})" for entry, k in self.entries.items()
        )
        self.path = build(name, unit, engine.checked, options)
        self._library = ctypes.CDLL(str(self.path))
        self._library.cuda_on_cpu_finding.restype = ctypes.POINTER(RawFinding)
        self._library.cuda_on_cpu_add_range.argtypes = [ctypes.c_size_t, ctypes.c_size_t] + (
            [ctypes.c_int] * 4
        )

    @functools.cached_property
    def shared(self) -> tuple[Range, ...]:
        """The static shared variables, which the compiler calls static ones of functions."""
        return tuple(Range(*each, shared=True, in_image=True) for each in _statics(self.path))

    def get_function(self, name: str) -> Function:
        """A kernel of the module."""
        if name not in self.entries:
            raise KeyError(f"{self.name} has no kernel {name!r}")
        declared = self._of_symbol.get(name.partition("<")[0])
        return Function(self, name, declared, self._library, self.entries[name])


class Function:
    """A kernel; calling it with grid, block and arguments runs it to its end."""

    def __init__(
        self, module: Module, symbol: str, declared: Declaration | None, library: Any, number: int
    ) -> None:
        self.module, self._library = module, library
        self.name = declared.name if declared else symbol
        self.max_dynamic_shared_size_bytes = 48 << 10
        self._launch = getattr(library, f"cuda_on_cpu_launch_{number}")
        self._launch.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        text = ctypes.create_string_buffer(1 << 14)
        getattr(library, f"cuda_on_cpu_describe_{number}")(text)
        self._kinds = [(word[0], int(word[1:])) for word in text.value.decode().split()]
        self._parameters = (
            declared.parameters
            if declared and len(declared.parameters) == len(self._kinds)
            else tuple(Parameter(f"argument {k}", "") for k in range(len(self._kinds)))
        )

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        arguments: tuple[Any, ...],
        *,
        shared_mem: int = 0,
        stream: Any = None,
    ) -> None:
        """Run the kernel.

        Raises: TypeError for an argument that is not what the kernel takes; KernelError for a
        finding.
        """
        if len(arguments) != len(self._kinds):
            raise TypeError(
                f"{self.name}: {len(arguments)} arguments given, it takes {len(self._kinds)}"
            )
        if shared_mem > self.max_dynamic_shared_size_bytes:
            raise ValueError(
                f"{self.name}: {shared_mem} bytes of dynamic shared memory, but "
                f"max_dynamic_shared_size_bytes is {self.max_dynamic_shared_size_bytes}"
            )
        memory = _Memory(self.module.engine.checked)
        values = [self._value(k, a, memory) for k, a in enumerate(arguments)]
        pointers = (ctypes.c_void_p * max(len(values), 1))(*(v.ctypes.data for v in values))
        ranges = (*memory.ranges, *self._shared(shared_mem)) if memory.checked else ()
        for each in ranges:
            self._library.cuda_on_cpu_add_range(
                each.begin, each.size, each.writable, each.shared, _grain(each), each.in_image
            )
        engine = self.module.engine
        self._library.cuda_on_cpu_configure(ORDERS.index(engine.order), engine.seed)
        sizes = [(ctypes.c_uint * 3)(*(*three, 1, 1)[:3]) for three in (grid, block)]
        failed = self._launch(sizes[0], sizes[1], shared_mem, pointers)
        memory.bring_back()
        if failed:
            raw = self._library.cuda_on_cpu_finding().contents
            launch = Launch(self.name, tuple(grid), tuple(block), ranges, self.module.path)
            raise KernelError(explain(raw, launch))

    def number(self, k: int, value: Any) -> Any:
        """A Python number as argument ``k`` wants it; anything else as it is."""
        kind, size = self._kinds[k]
        if kind in "iuf" and isinstance(value, int | float):
            return np.dtype(f"{kind}{size}").type(value)
        return value

    def _shared(self, bytes: int) -> tuple[Range, ...]:
        dynamic = (Range("dynamic shared memory", 0, bytes, 4, shared=True),) if bytes else ()
        return (*self.module.shared, *dynamic)

    def _value(self, k: int, value: Any, memory: _Memory) -> np.ndarray[Any, Any]:
        """The bytes that are handed over for an argument, as CuPy packs them."""
        kind, size = self._kinds[k]
        name = self._parameters[k].name
        if kind in "pc":
            if value is None or (isinstance(value, int) and value == 0):
                return np.zeros(1, np.uintp)
            return np.array(
                [memory.place(name, self._array(k, value), size, kind == "p")], np.uintp
            )
        packed = np.asarray(value) if not isinstance(value, int | float) else _packed(value)
        found = {"f": "f", "i": "i", "u": "u", "b": "u"}.get(packed.dtype.kind, "s")
        if (
            packed.nbytes != size
            or (found != kind and "s" in found + kind)
            or ((found == "f") != (kind == "f"))
        ):
            raise TypeError(
                f"{self.name}, argument {k} ({name}): {packed.dtype} given, the kernel takes "
                f"{_KINDS[kind]} of {size} bytes"
            )
        return packed.reshape(1)

    def _array(self, k: int, value: Any) -> np.ndarray[Any, Any]:
        about = f"{self.name}, argument {k} ({self._parameters[k].name})"
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{about}: expected an array, got {type(value).__name__}")
        size = self._kinds[k][1]
        if size > 1 and value.itemsize != size and size not in (8, 16):
            raise TypeError(f"{about}: {value.dtype} given, the kernel takes items of {size} bytes")
        if size == 8 and value.itemsize not in (8, 4):
            raise TypeError(f"{about}: {value.dtype} given, the kernel takes items of {size} bytes")
        if not value.flags.c_contiguous:
            raise ValueError(f"{about}: the array has gaps; kernels take arrays without")
        return value


_KINDS = {"f": "a fraction", "i": "a whole number", "u": "a whole number", "s": "a struct"}


def _packed(value: float) -> np.ndarray[Any, Any]:
    kind = np.bool_ if isinstance(value, bool) else np.int64 if isinstance(value, int) else None
    return np.array(value, kind or np.float64)


def _grain(of: Range) -> int:
    """Bytes that are judged as one: those of an element, in shared memory of the smallest."""
    return 2 if of.shared else min(of.item, 4)


class _Memory:
    """Where the arguments of a launch lie: in a checked one, in copies far from each other."""

    def __init__(self, checked: bool) -> None:
        self.checked = checked
        self.ranges: list[Range] = []
        self._copies: list[tuple[Any, np.ndarray[Any, Any], int]] = []
        for array in _reached if checked else ():
            self.ranges.append(Range("an array of a table", array.ctypes.data, array.nbytes,
                                     array.itemsize))  # fmt: skip

    def place(self, name: str, array: np.ndarray[Any, Any], size: int, writable: bool) -> int:
        """The address that the kernel is given for an array."""
        if not self.checked:
            return array.ctypes.data
        begin = self._inside_another(array, writable)
        if begin is not None:
            return begin
        begin = self._copy(array)
        item = min(array.itemsize, size) if size > 1 else array.itemsize
        self.ranges.append(Range(name, begin, array.nbytes, item, writable))
        return begin

    def _inside_another(self, array: np.ndarray[Any, Any], writable: bool) -> int | None:
        """The address in the copy of an array that holds this one; they are judged as one."""
        for original, copied, number in self._copies:
            if np.may_share_memory(array, original):
                inside = array.ctypes.data - original.ctypes.data
                if inside < 0 or inside + array.nbytes > original.nbytes:
                    raise ValueError("arguments overlap in part: the checker cannot place them")
                if writable:
                    self.ranges[number] = replace(self.ranges[number], writable=True)
                return int(copied.ctypes.data + inside)
        return None

    def _copy(self, array: np.ndarray[Any, Any]) -> int:
        room = np.full(array.nbytes + 2 * _MARGIN + _ALIGN, 0xFF, np.uint8)
        begin = _MARGIN + (array.ctypes.data - room.ctypes.data - _MARGIN) % _ALIGN
        copied = room[begin : begin + array.nbytes]
        copied[:] = array.reshape(-1).view(np.uint8)
        self._copies.append((array, copied, len(self.ranges)))
        return copied.ctypes.data

    def bring_back(self) -> None:
        """Write what the kernel wrote to the arrays that were given."""
        for original, copied, number in self._copies:
            if self.ranges[number].writable:
                original.reshape(-1).view(np.uint8)[:] = copied


def _statics(library: Path) -> list[tuple[str, int, int, int]]:
    """Name, place, size and item size of functions' static variables; kept beside the file."""

    def find(to: Path) -> None:
        said = subprocess.run(
            ["nm", "-S", "-C", "--defined-only", str(library)], capture_output=True, text=True
        ).stdout
        found = [
            (variable.rsplit("::", 1)[-1], int(begin, 16), int(size, 16), 4)
            for begin, size, variable in re.findall(
                r"^([0-9a-f]+) ([0-9a-f]+) [bBdDvVu] (.*\)::\w+|\w+::\w+)$", said, re.MULTILINE
            )
            if not variable.startswith("cuda_on_cpu::")
        ]
        to.write_text(json.dumps(found))

    path = kept(library.with_suffix(".json"), find)
    return [tuple(each) for each in json.loads(path.read_text())]
