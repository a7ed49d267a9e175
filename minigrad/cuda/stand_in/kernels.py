"""Raw kernels: the text that NVRTC would compile is compiled by g++, and run thread by thread."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.cuda.on_cpu import Engine, Module
from minigrad.cuda.stand_in import streams
from minigrad.cuda.stand_in.arrays import ndarray
from minigrad.cuda.stand_in.calls import unwrapped
from minigrad.cuda.stand_in.cards import CUDARuntimeError, counts, here

__all__ = ["RawKernel", "RawModule"]


MOST_BLOCKS = 2**31 - 1, 65535, 65535  # along each axis of a grid, of any card
MOST_THREADS = 1024, 1024, 64
THREADS = 1024  # of a block


def _need_within(name: str, grid: tuple[int, ...], block: tuple[int, ...]) -> None:
    """Raise CUDARuntimeError for a launch that no card does."""
    fits = all(n <= most for n, most in zip(grid, MOST_BLOCKS, strict=False))
    fits = fits and all(0 < n <= most for n, most in zip(block, MOST_THREADS, strict=False))
    if not fits or math.prod(block) > THREADS:
        raise CUDARuntimeError(
            f"CUDA_ERROR_INVALID_VALUE: invalid argument ({name}: grid {grid}, block {block})"
        )


class RawModule:
    """A kernel file, compiled when a kernel of it is asked for."""

    def __init__(
        self,
        *,
        code: str | None = None,
        path: str | None = None,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        name_expressions: tuple[str, ...] | None = None,
    ) -> None:
        if (code is None) == (path is None):
            raise TypeError("Exactly one of `code` and `path` keyword arguments must be given.")
        if not isinstance(options, tuple):
            raise TypeError("options must be a tuple")
        if code is None:
            raise NotImplementedError("the stand-in compiles text; it loads no binary files")
        self.code, self.options = code, options
        self.names = tuple(name_expressions or ())
        self._module: Module | None = None

    def compile(self, log_stream: Any = None) -> None:
        """Compile it now."""
        self.module()

    def module(self) -> Module:
        """What g++ made of it."""
        if self._module is None:
            known = tuple(o for o in self.options if o.startswith(("-D", "-I")))
            self._module = Module("raw.cu", self.code, Engine(), self.names, known)
        return self._module

    def get_function(self, name: str) -> RawKernel:
        """A kernel of the file."""
        return RawKernel(None, name, module=self)


class RawKernel:
    """One kernel; calling it launches."""

    def __init__(
        self,
        code: str | None,
        name: str,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        *,
        module: RawModule | None = None,
    ) -> None:
        self._of = module or RawModule(code=code, options=options)
        self.name = name
        self._function = self._of.module().get_function(name)

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        """The most dynamic shared memory that a launch may ask for."""
        return self._function.max_dynamic_shared_size_bytes

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, value: int) -> None:
        self._function.max_dynamic_shared_size_bytes = value

    def __call__(
        self, grid: Any, block: Any, args: Any, *, shared_mem: int = 0, stream: Any = None
    ) -> None:
        """Launch it.

        Raises: TypeError, ValueError for an argument that a card would misread; OSError-free.
        """
        if not isinstance(grid, tuple) or not isinstance(block, tuple):
            raise TypeError("grid and block must be tuples")
        found: list[ndarray] = []
        values = tuple(self._argument(a, found) for a in args)
        sizes = tuple(max(1, int(n)) for n in grid)
        _need_within(self.name, sizes, block)
        on = stream or here.stream or streams.Stream.null
        counts.launches += 1
        blocks = [a._block for a in found]
        streams.launch(on, [], blocks)  # which of them it writes, only the kernel knows

        def go() -> None:
            self._function(sizes, block, values, shared_mem=shared_mem)

        if on.capture is not None:
            on.capture.append(go)
        else:
            go()

    def _argument(self, value: Any, found: list[ndarray]) -> Any:
        if isinstance(value, np.ndarray) and value.size != 1:
            raise TypeError(
                f"You are trying to pass a numpy.ndarray of shape {value.shape} as a kernel "
                "parameter. Only numpy.ndarrays of size one can be passed by value."
            )
        return unwrapped(value, found) if isinstance(value, ndarray) else value
