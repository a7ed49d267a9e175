"""Half precision: float16 and bfloat16, which are worked on in float32."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from minigrad.backend.native import kernel

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
HALVES = {np.dtype(np.float16): "half", BFLOAT16: "bfloat16"}
FEW = 256  # elements; up to here NumPy's conversion is as fast as a kernel's
MANY = 4096  # elements; below, NumPy's conversion is as fast as bits in several passes
FLOAT16_END = 2.0**16  # what would follow the largest number


def is_half(dtype: Any) -> bool:
    """Whether a NumPy type is float16 or bfloat16."""
    return dtype.itemsize == 2 and dtype.kind in "fV"


def single(xp: Any, x: Any) -> Any:
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


def rounded(xp: Any, x: Any, dtype: Any) -> Any:
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


def many(xp: Any, *arrays: Any) -> bool:
    """Whether these are NumPy's arrays of bfloat16, so many that a kernel should convert them.

    Functions of NumPy's own float16 are told in C (``kernels/cpu/ufuncs.c``).
    """
    if xp is not np or getattr(getattr(arrays[0], "dtype", None), "kind", "") != "V":
        return False  # one of two may be a number
    return all([getattr(a, "dtype", None) == BFLOAT16 and a.size > FEW for a in arrays])


def met(function: Any, *arrays: Any) -> Any:
    """A function of arrays of halves, worked out in float32 and rounded once.

    >>> import numpy as np
    >>> met(np.add, np.float16([1.0]), np.float16([0.1]))
    array([1.1], dtype=float16)
    """
    result = function(*[single(np, a) for a in arrays])
    return rounded(np, result, arrays[0].dtype) if result.dtype == np.float32 else result
