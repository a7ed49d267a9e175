"""Nests of tensors and numbers, such as state dicts: compared, and moved between libraries."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from parity_tests.both import built_in
from parity_tests.ops.samples import to_numpy
from parity_tests.tolerances import TOL
from parity_tests.torch_samples import difference

# A few roundings of the greatest value.
HALF = {"torch.float16": 8 * 2.0**-10, "torch.bfloat16": 8 * 2.0**-7}


def unlike(mine: Any, theirs: Any, where: str, scale: dict[str, float]) -> str:
    """What is not the same about two nests of tensors and numbers; empty if nothing.

    ``scale`` keeps the greatest value seen in each place: half precision is rounded on that scale.
    """
    if isinstance(theirs, dict):
        if list(mine) != list(theirs):
            return f"{where}: keys {list(mine)} are not {list(theirs)}"
        pairs = ((f"{where}[{k!r}]", mine[k], theirs[k]) for k in theirs)
    elif isinstance(theirs, (list, tuple)):
        if len(mine) != len(theirs) or type(mine) is not type(theirs):
            return f"{where}: {str(mine)[:60]} is not {str(theirs)[:60]}"
        pairs = ((f"{where}[{i}]", a, b) for i, (a, b) in enumerate(zip(mine, theirs, strict=True)))
    elif isinstance(theirs, float) and isinstance(mine, float):
        near = np.isclose(mine, theirs, **TOL["float32"], equal_nan=True)
        return "" if near else f"{where}: {mine!r} is not {theirs!r}"
    else:
        wrong = difference(mine, theirs)
        if str(getattr(theirs, "dtype", "")) in HALF:
            wrong = wrong if _half_differs(mine, theirs, where, scale) else ""
        return f"{where}: {wrong}" if wrong else ""
    return next((wrong for wrong in (unlike(a, b, w, scale) for w, a, b in pairs) if wrong), "")


def _half_differs(mine: Any, theirs: Any, where: str, scale: dict[str, float]) -> bool:
    x, y = to_numpy(mine), to_numpy(theirs)
    if x.shape != y.shape or str(mine.dtype) != str(theirs.dtype):
        return True
    finite = np.abs(y[np.isfinite(y)].astype(np.float64))
    scale[where] = max(scale.get(where, 0), float(finite.max(initial=0)))
    return not np.allclose(x, y, 0, HALF[str(theirs.dtype)] * scale[where], equal_nan=True)


def attempt(call: Callable[[], Any]) -> tuple[Any, str]:
    """What a call gives, or the type and the text of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call(), ""
        except Exception as error:
            return None, f"{built_in(error)}: {str(error).replace('minigrad', 'torch')}"


def moved(value: Any, library: Any) -> Any:
    """A file with the tensors of a library."""
    if isinstance(value, dict):
        return type(value)({k: moved(v, library) for k, v in value.items()})  # or a Counter
    if isinstance(value, (list, tuple)):
        return type(value)(moved(v, library) for v in value)
    if not hasattr(value, "detach"):
        return value
    kind = getattr(library, str(value.dtype).rpartition(".")[2])
    return library.tensor(to_numpy(value).copy()).to(kind)
