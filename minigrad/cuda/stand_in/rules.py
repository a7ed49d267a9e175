"""What CuPy's functions do not do as NumPy's: they wait, refuse, or give another type."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from minigrad.cuda.stand_in import cards, streams
from minigrad.cuda.stand_in.arrays import ndarray

__all__ = ["BY_LIBRARY", "CHECKS", "WAITING", "WIDE", "need_no_capture", "widened"]

# Functions during which the host waits for the card: what they return has a size, or takes a
# decision, that only the elements know.
WAITING = {
    "nonzero", "flatnonzero", "argwhere", "unique", "unique_all", "unique_counts", "unique_values",
    "unique_inverse", "bincount", "histogram", "digitize", "trim_zeros", "union1d", "intersect1d",
    "setdiff1d", "setxor1d", "quantile", "percentile", "compress", "extract", "delete",
    "matrix_power", "average", "nanmedian", "cond",
}  # fmt: skip
# What CuPy has no form of for bfloat16, which it takes as float32: so are the results.
WIDE = {
    "amax", "amin", "around", "clip", "max", "min", "nanmax", "nanmin", "nanprod", "nansum", "prod",
    "round", "sum", "where",
}  # fmt: skip
# What cuBLAS and cuSOLVER do for CuPy, which lets neither into a graph.
BY_LIBRARY = {
    "dot", "vdot", "inner", "matmul", "tensordot", "einsum", "cholesky", "cond", "det", "eig",
    "eigh", "eigvals", "eigvalsh", "expm", "inv", "lstsq", "lu", "lu_factor", "lu_solve",
    "matrix_power", "matrix_rank", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "tensorinv", "tensorsolve",
}  # fmt: skip


def need_no_capture(*args: Any) -> None:
    """Raise NotImplementedError for what a library would do while a stream is captured.

    Kernels of CuPy's own multiply integers, and two vectors.
    """
    arrays = [a for a in args if isinstance(a, ndarray)]
    own = all(a.dtype.kind in "biu" for a in arrays)
    own = own or (len(arrays) == 2 and all(a.ndim == 1 for a in arrays))
    if streams.current().capture is not None and not own:
        raise NotImplementedError(
            "calling cuBLAS API during stream capture is currently unsupported"
        )


def _has_axes(a: Any, *_: Any, **__: Any) -> None:
    if a.ndim == 0:
        raise np.exceptions.AxisError("Sorting arrays with the rank of zero is not supported.")


def _has_places(a: Any) -> None:
    if a.ndim == 0:
        raise ValueError("Calling nonzero on 0d arrays is not allowed.")


def _are_matched(a: Any, b: Any) -> None:
    if b.ndim > 1 and a.shape[:-1] != b.shape[:-1]:
        raise ValueError(
            "a must have (..., M, M) shape and b must have (..., M, K) for multidimensional b"
        )


def _is_matrix(a: Any) -> None:
    if a.ndim != 2:
        raise ValueError("Input must be 1- or 2-d.")


def _are_keys(keys: Any) -> None:
    if keys.ndim > 2:  # an AttributeError for a list of arrays
        raise NotImplementedError("Keys with the rank of three or more is not supported in lexsort")


AT_ONCE = 8  # arrays that are joined by a copy each; the addresses of more are sent to the card


def _are_few(arrays: Any, *_: Any, **__: Any) -> None:
    if isinstance(arrays, list | tuple) and len(arrays) > AT_ONCE:
        cards.sent("the addresses of more than eight arrays to join")


CHECKS: dict[str, Callable[..., None]] = {
    "sort": _has_axes, "argsort": _has_axes, "nonzero": _has_places, "solve": _are_matched,
    "expm": _is_matrix, "lexsort": _are_keys, "concatenate": _are_few, "stack": _are_few,
    "vstack": _are_few, "hstack": _are_few, "dstack": _are_few, "column_stack": _are_few,
}  # fmt: skip


def widened(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose results of bfloat16 are float32."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        narrow = getattr(made, "dtype", None) == ml_dtypes.bfloat16 and kwargs.get("out") is None
        return made.astype(np.float32) if narrow else made

    return call
