"""SciPy beside NumPy, and CuPy's own copy of it beside CuPy; imported when first asked for.

What minigrad does not exist to do itself, gamma functions and triangular solving for two, is
theirs.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable
from typing import Any

from minigrad.backend.select import beside, xp_of

__all__ = ["OnHostWarning", "linalg", "on_host", "scientific"]

_told: set[str] = set()


class OnHostWarning(UserWarning):
    """A card has no routine for something: the CPU does it, and the card waits."""


@functools.cache
def scientific(xp: Any, part: str) -> Any:
    """``scipy.<part>`` for NumPy's arrays, ``cupyx.scipy.<part>`` for CuPy's.

    >>> import numpy as np
    >>> float(scientific(np, "special").gammaln(5.0).round(4))
    3.1781
    """
    package = "cupyx.scipy" if xp.__name__ == "cupy" else "scipy"
    return importlib.import_module(f"{package}.{part}")


def linalg(xp: Any) -> Any:
    """``numpy.linalg``, or CuPy's, which is told here to raise for a matrix without an inverse.

    CuPy gives NaN unless told, and forgets what another thread has said.

    >>> import numpy as np
    >>> float(linalg(np).det(2 * np.eye(2)).round(4))
    4.0
    """
    if xp.__name__ == "cupy":
        importlib.import_module("cupyx").seterr(linalg="raise")
    return xp.linalg


def on_host(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy's arrays, for arrays of a card too: copied there and back.

    It says so once for each name.

    >>> import numpy as np
    >>> on_host("halves", lambda x: x / 2)(np.ones(2))
    array([0.5, 0.5])
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        like = next((a for a in args if hasattr(a, "__cuda_array_interface__")), None)
        if like is None:
            return function(*args, **kwargs)
        if name not in _told:
            _told.add(name)
            warnings.warn(
                f"{name}: CuPy has no such routine, the CPU does it; each call copies its arrays "
                "there and the result back",
                OnHostWarning,
                stacklevel=2,
            )
        to_host = xp_of(like).asnumpy
        found = function(
            *[to_host(a) if hasattr(a, "__cuda_array_interface__") else a for a in args], **kwargs
        )
        if not isinstance(found, tuple):
            return beside(found, like)
        return tuple(beside(f, like) if getattr(f, "ndim", 0) else f for f in found)

    return call
