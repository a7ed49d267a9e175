"""cuBLAS's strided batched product in NumPy: columns first, read from bare addresses.

It sees what the library would see and nothing else: addresses, leading dimensions, strides; a
wrong one reads other numbers. Sums are made in the type that is asked for, and TF32 rounds factors
to 10 bits of fraction. In a captured stream a call is noted, as all launches are.
"""

from __future__ import annotations

import ctypes
from typing import Any

import ml_dtypes
import numpy as np

from minigrad.backend.cublas import FLOAT64, TF32, Product
from minigrad.cuda.stand_in.cards import counts
from minigrad.cuda.stand_in.streams import current

__all__ = ["Cublas", "to_tf32"]

ITEMS = {"bfloat16": ml_dtypes.bfloat16}


def to_tf32(x: Any) -> Any:
    """float32 rounded to 10 bits of fraction, to the nearest, halves away from zero."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)


def seen(address: int, rows: int, columns: int, leading: int, dtype: Any) -> Any:
    """A column-major matrix (rows, columns) at an address, for writing too."""
    assert leading >= max(rows, 1), "cuBLAS: leading dimension below the number of rows"
    size = np.dtype(dtype).itemsize
    length = (leading * (columns - 1) + rows) * size if rows and columns else 0
    memory = np.frombuffer(memoryview((ctypes.c_ubyte * length).from_address(address)), dtype)
    return np.lib.stride_tricks.as_strided(memory, (rows, columns), (size, leading * size))


class Cublas:
    """A library for ``backend/cublas.py``; ``calls`` are those that were made."""

    def __init__(self) -> None:
        self.calls: list[tuple[Product, str, int]] = []

    def gemm(
        self, call: Product, alpha: float, a: int, b: int, beta: float, c: int, dtype: str,
        compute: int,
    ) -> None:  # fmt: skip
        """Note the call, and do it now or whenever the graph is launched."""
        self.calls.append((call, dtype, compute))
        counts.launches += 1
        stream = current()
        stream.tick += 1
        if stream.capture is not None:
            stream.capture.append(lambda: self._run(call, alpha, a, b, beta, c, dtype, compute))
        else:
            self._run(call, alpha, a, b, beta, c, dtype, compute)

    def _run(
        self, call: Product, alpha: float, a: int, b: int, beta: float, c: int, dtype: str,
        compute: int,
    ) -> None:  # fmt: skip
        kind = np.dtype(ITEMS.get(dtype, dtype))
        wide = np.float64 if compute == FLOAT64 else np.float32
        for i in range(call.batch):
            one = self._factor(a + i * call.stridea * kind.itemsize, call.transa, call.m, call.k,
                               call.lda, kind)  # fmt: skip
            two = self._factor(b + i * call.strideb * kind.itemsize, call.transb, call.k, call.n,
                               call.ldb, kind)  # fmt: skip
            if compute == TF32:
                one, two = to_tf32(one), to_tf32(two)
            out = seen(c + i * call.stridec * kind.itemsize, call.m, call.n, call.ldc, kind)
            found = alpha * (one.astype(wide) @ two.astype(wide))
            if beta:
                found = found + beta * out.astype(wide)
            out[...] = found.astype(kind)

    @staticmethod
    def _factor(
        address: int, turned: bool, rows: int, columns: int, leading: int, kind: Any
    ) -> Any:
        if turned:
            return seen(address, columns, rows, leading, kind).T
        return seen(address, rows, columns, leading, kind)
