"""Forwards that are worked out in float32 where half precision is asked for, and SciPy's functions.

A function of several steps would round after each of them; torch rounds its float32 result once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, overload

import ml_dtypes
import numpy as np

from minigrad.backend import Array, scientific
from minigrad.backend.native import kernel
from minigrad.ops.natively import natively

Forward = Callable[..., Any]
HALVES = {np.dtype(np.float16): "half", np.dtype(ml_dtypes.bfloat16): "bfloat16"}
FEW = 256  # elements; up to here NumPy's conversion is as fast as a kernel's
MANY = 4096  # elements; below, NumPy's conversion is as fast as bits in several passes
FLOAT16_END = 2.0**16  # what would follow the largest number


def is_half(dtype: Any) -> bool:
    """Whether a NumPy type is float16 or bfloat16."""
    return dtype.itemsize == 2 and dtype.kind in "fV"


def single(xp: Any, x: Array) -> Array:
    """Half precision as float32.

    >>> import numpy as np
    >>> single(np, np.array([0.5, -np.inf], np.float16))
    array([ 0.5, -inf], dtype=float32)
    """
    if xp is not np or x.size <= FEW or x.dtype not in HALVES:
        return x.astype(xp.float32)
    out = np.empty(x.shape, np.float32)
    run = kernel(f"from_{HALVES[x.dtype]}", out) if x.flags.c_contiguous else None
    if run is not None:
        run(x, out, x.size)
        return out
    if x.dtype != np.float16 or x.size < MANY:
        return x.astype(xp.float32)
    out = np.empty(x.shape, np.float32)
    bits = out.view(np.int32)
    bits[...] = x.view(np.int16)  # with copies of the sign above
    bits <<= 13
    bits &= -0x70002000  # the sign, and exponent and fraction in their new places
    out *= np.float32(2.0**112)  # the distance between the two types' exponents
    if not -FLOAT16_END < out.min() <= out.max() < FLOAT16_END:
        odd = np.abs(out) >= FLOAT16_END  # infinities and NaN
        out[odd] = x[odd]
    return out


def rounded(xp: Any, x: Array, dtype: Any) -> Array:
    """An array in another type; full precision is rounded to half precision by a kernel.

    >>> import numpy as np
    >>> rounded(np, np.array([0.1], np.float32), np.dtype(np.float16))
    array([0.1], dtype=float16)
    """
    if xp is not np or x.size <= FEW or dtype not in HALVES:
        return x.astype(dtype)
    run = kernel(f"to_{HALVES[dtype]}", x)
    if run is None:
        return x.astype(dtype)
    out = np.empty(x.shape, dtype)
    run(x, out, x.size)
    return out


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
