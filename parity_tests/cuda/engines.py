"""The CUDA kernels on the CPU, for tests: by type of numbers, plain and checked, in any order."""

from __future__ import annotations

import functools
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from minigrad.backend.cuda_kernels import Kernels
from minigrad.cuda.on_cpu import Engine, compiler_problem

compiler = pytest.mark.skipif(
    compiler_problem() is not None, reason=f"no C++ compiler: {compiler_problem()}"
)

# Which modes every comparison runs in: as fast as it goes; judged, and in another order.
MODES = (("plain", False, "forward"), ("checked", True, "shuffled"))

# Of the whole computation, relative to the greatest result: roundings of the type, and of a sum.
ROUNDING = {"float64": 1e-12, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}


@functools.cache
def kernels(dtype: str = "float32", checked: bool = False, order: str = "forward") -> Kernels:
    """The kernels for a type on the CPU, compiled once for all tests."""
    return Kernels(Engine(checked, order), dtype)


def of(array: Any, dtype: str) -> Any:
    """An array of a type that NumPy may not know."""
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(array).astype(
            ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
        )


def empty(shape: Any, dtype: str) -> Any:
    """An array full of NaNs."""
    return of(np.full(shape, np.nan), dtype)


def close(found: Any, wanted: Any, dtype: str, factor: float = 1.0) -> None:
    """The same up to rounding, NaNs and infinities in the same places."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    finite = wanted[np.isfinite(wanted)]
    scale = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
    tolerance = ROUNDING[dtype] * factor
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale)
