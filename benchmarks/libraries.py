"""The libraries that are measured: the same lines run with each, under the name ``lib``."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np


def load(name: str) -> Any:
    """A library by name, on one thread, with the parts that the benchmarks use imported."""
    lib = importlib.import_module(name)
    for part in ("nn.functional", "optim", "autograd"):
        importlib.import_module(f"{name}.{part}")
    if name == "torch":
        lib.set_num_threads(1)
    return lib


@contextmanager
def threads(libs: Mapping[str, Any], count: int) -> Iterator[None]:
    """minigrad's kernels and torch on so many threads, and afterwards on as many as before.

    NumPy's BLAS keeps those that it was started with.
    """
    native: Any = importlib.import_module("minigrad.backend.native")
    before = native.get_threads(), libs["torch"].get_num_threads()
    try:
        native.set_threads(count)
        libs["torch"].set_num_threads(count)
        yield
    finally:
        native.set_threads(before[0])
        libs["torch"].set_num_threads(before[1])


def values(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor's values, whichever library it is of."""
    array = tensor.detach()
    if str(array.dtype).endswith("bfloat16"):
        array = array.float()
    return np.asarray(array.numpy())


def is_tensor(value: Any) -> bool:
    """Whether a value is some library's tensor."""
    return hasattr(value, "detach") and hasattr(value, "requires_grad")


def difference(mine: Any, theirs: Any, undefined: bool = False) -> str:
    """In what two results differ, in a few words; empty if they agree.

    ``undefined``: the values are arbitrary (``empty``), only shape and type are compared.
    """
    if is_tensor(theirs):
        return _tensor_difference(mine, theirs, undefined)
    if isinstance(theirs, (list, tuple)):
        if not isinstance(mine, (list, tuple)) or len(mine) != len(theirs):
            return f"{type(mine).__name__} is not {len(theirs)} values"
        found = (difference(a, b, undefined) for a, b in zip(mine, theirs, strict=True))
        return next(filter(None, found), "")
    if isinstance(theirs, float):
        return "" if np.isclose(mine, theirs, equal_nan=True) else f"{mine!r} is not {theirs!r}"
    same = mine == theirs or str(mine).replace("minigrad", "torch") == str(theirs)
    return "" if same else f"{mine!r:.40} is not {theirs!r:.40}"


def _tensor_difference(mine: Any, theirs: Any, undefined: bool) -> str:
    if not is_tensor(mine):
        return f"{type(mine).__name__} is no tensor"
    for fact in ("dtype", "shape"):
        a, b = (str(getattr(x, fact)).replace("minigrad", "torch") for x in (mine, theirs))
        if a != b:
            return f"{fact}: {a} is not {b}"
    one, other = values(mine), values(theirs)
    if undefined or one.size == 0:
        return ""
    if one.dtype.kind not in "fV":
        wrong = np.count_nonzero(one != other)
        return f"{wrong} of {one.size} values differ" if wrong else ""
    finite = other[np.isfinite(other)]
    # Sums in another order: the error grows with the size of what is added up.
    scale = float(np.abs(finite).max()) if finite.size else 0.0
    close = np.isclose(one, other, rtol=1e-3, atol=1e-5 * max(1.0, scale), equal_nan=True)
    wrong = close.size - np.count_nonzero(close)
    return f"{wrong} of {one.size} values differ" if wrong else ""
