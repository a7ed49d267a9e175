"""Forwards that are worked out in float32 where half precision is asked for, and SciPy's functions.

A function of several steps would round after each of them; torch rounds its float32 result once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from minigrad.backend import Array, scientific
from minigrad.backend.halves import HALVES, is_half, rounded, single
from minigrad.ops.natively import natively

__all__ = [
    "HALVES",
    "is_half",
    "of_scipy",
    "of_scipy_two",
    "rounded",
    "single",
    "widened",
]

Forward = Callable[..., Any]


@overload
def widened(forward: Forward) -> Forward: ...


@overload
def widened(*, halves: Forward) -> Callable[[Forward], Forward]: ...


def widened(forward: Forward | None = None, *, halves: Forward | None = None) -> Any:
    """A forward that sees float16 and bfloat16 as float32, and has its result rounded back.

    What it returns after its result, for backward, stays as it is. ``halves`` is asked first for
    arrays of a card, and takes them as they are, or gives None: kernels of a card read halves,
    compute in float32 and round once, without two more passes over memory.

    >>> import numpy as np
    >>> thirds = widened(lambda xp, input: input / 3 * 3)
    >>> thirds(np, np.ones(1, np.float16)).dtype
    dtype('float16')
    """
    if forward is None:
        return functools.partial(widened, halves=halves)

    @functools.wraps(forward)
    def wide(xp: Any, input: Any, *others: Any) -> Any:
        dtype = (input if hasattr(input, "dtype") else others[0]).dtype
        if dtype.itemsize != 2 or dtype.kind not in "fV":
            return forward(xp, input, *others)
        if halves is not None and xp is not np:
            done = halves(xp, input, *others)
            if done is not None:
                return done
        found = [
            single(xp, a) if getattr(a, "dtype", None) == dtype else a for a in (input, *others)
        ]
        result = forward(xp, *found)
        if isinstance(result, tuple):
            return (rounded(xp, result[0], dtype), *result[1:])
        return rounded(xp, result, dtype)

    return wide


@functools.cache
def _special(xp: Any, name: str) -> Any:
    return getattr(scientific(xp, "special"), name)


def of_scipy(name: str) -> Forward:
    """The forward of an op of one argument that is a function of ``scipy.special``."""

    @natively(name)
    def forward(xp: Any, input: Array) -> Array:
        return _special(xp, name)(input)

    return staticmethod(widened(forward))


def of_scipy_two(name: str) -> Forward:
    """The forward of an op of two arguments that is a function of ``scipy.special``."""

    def forward(xp: Any, input: Array, other: Array) -> Array:
        return _special(xp, name)(input, other)

    return staticmethod(widened(forward))


def no_derivative(what: str, kind: type[Exception] = NotImplementedError) -> Callable[[Any], Any]:
    """A derivative that is not known: an error when it is asked for, as in torch."""

    def missing(g: Any) -> Any:
        raise kind(f"the derivative for '{what}' is not implemented.")

    return staticmethod(missing)
