"""What the sampling methods accept: dtypes, sizes, bounds and weights, as torch decides them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import DTypeLike, NDArray

from minigrad.dtypes import of_numpy
from minigrad.errors import message

__all__ = [
    "check_bounds",
    "check_weights",
    "float_dtype",
    "float_request",
    "integer_range",
    "permutation_limit",
    "require",
    "shape_of",
]

_FLOAT16, _FLOAT32, _FLOAT64 = (np.dtype(f"float{bits}") for bits in (16, 32, 64))
_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
# Digits of the significand: every integer up to 2**digits is held exactly.
_DIGITS = {_FLOAT16: 11, _BFLOAT16: 8, _FLOAT32: 24, _FLOAT64: 53}
_LARGEST_FLOAT = {
    _FLOAT16: 65504,
    _BFLOAT16: 0xFF << 120,
    _FLOAT32: 0xFFFFFF << 104,
    _FLOAT64: ((1 << 53) - 1) << 971,
}
# A range this wide would be visibly skewed modulo a 32-bit word; torch then takes 64 bits.
_WIDE_RANGE = 1 << 28
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
# torch has no kernel for an unbounded draw of these.
_NO_FULL_RANGE = tuple(np.dtype(f"uint{bits}") for bits in (16, 32, 64))


def _greatest(dtype: np.dtype[Any]) -> int:
    """The greatest integer of an integer type."""
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


def _check_inside(dtype: np.dtype[Any], name: str, value: int) -> None:
    """Raise unless the dtype's range holds the value."""
    if dtype in _DIGITS:
        greatest = _LARGEST_FLOAT[dtype]
        least = -greatest
    else:
        greatest = _greatest(dtype)
        least = 0 if dtype.kind == "b" else int(np.iinfo(dtype).min)
    if not least <= value <= greatest:
        raise RuntimeError(
            message("random_", f"'{name}' inside the range of {dtype.name}", str(value))
        )


def _onto_grid(dtype: np.dtype[Any], bound: int, step: int) -> int:
    """Move a bound that the floating-point dtype would round out of the range back into it.

    ``step`` is +1 for the lower bound and -1 for the upper.
    """
    wide = np.float64 if dtype.itemsize == 8 else np.float32
    rounded = int(wide(bound + step).astype(dtype))
    # torch compares with < for the lower bound, with >= for the upper.
    inside = rounded >= bound if step > 0 else rounded < bound
    if inside:
        return bound
    spacing = 1 << (abs(bound + step).bit_length() - _DIGITS[dtype])
    return rounded + step * spacing


def _default_range(dtype: np.dtype[Any]) -> tuple[int, int, bool]:
    """The range of ``random_()``."""
    if dtype in _NO_FULL_RANGE or (dtype.kind not in "biu" and dtype not in _DIGITS):
        raise NotImplementedError(
            message("random_", "a dtype up to int64", dtype.name, "give low and high")
        )
    wide = dtype in (np.dtype(np.int64), _FLOAT64)
    if dtype in _DIGITS:
        return 0, (1 << _DIGITS[dtype]) + 1, wide
    return 0, _greatest(dtype) + 1, wide


def integer_range(dtype: np.dtype[Any], low: int | None, high: int | None) -> tuple[int, int, bool]:
    """Return (base, width, whether 64-bit words are drawn) for the bounds of ``Tensor.random_``.

    Raises: RuntimeError for an empty range or one outside the dtype; NotImplementedError for a
    dtype that has no unbounded draw.

    Example:
        >>> integer_range(np.dtype("int64"), 0, 10)
        (0, 10, False)
        >>> integer_range(np.dtype("uint8"), None, None)
        (0, 256, False)
    """
    if low is None and high is None:
        return _default_range(dtype)
    base = 0 if low is None else low
    for value in (base, 0 if high is None else high):
        if not _INT64_MIN <= value <= _INT64_MAX:
            raise RuntimeError(message("random_", "bounds that int64 holds", str(value)))
    floating = dtype in _DIGITS
    if high is None:
        if base == _INT64_MIN and dtype in (np.dtype(np.int64), _FLOAT64, _FLOAT32, _BFLOAT16):
            return 0, 1 << 64, True
        last = (1 << _DIGITS[dtype]) if floating else _greatest(dtype)
        last = min(last, _INT64_MAX)
    else:
        last = high - 1
    if base > last:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={base} >= to={last + 1}"
        )
    _check_inside(dtype, "low", base)
    _check_inside(dtype, "high - 1", last)
    if floating:
        base = _onto_grid(dtype, base, 1)
        last = last if high is None else _onto_grid(dtype, last + 1, -1) - 1
        if base > last:
            raise RuntimeError(
                message("random_", f"a range that holds a {dtype.name}", f"[{low}, {high})")
            )
    width = last - base + 1
    return base, width, width >= _WIDE_RANGE


def permutation_limit(dtype: np.dtype[Any]) -> int:
    """The greatest n that ``randperm`` takes for a dtype.

    Raises: NotImplementedError for bool.

    Example:
        >>> permutation_limit(np.dtype("float16")), permutation_limit(np.dtype("uint8"))
        (2049, 255)
    """
    if dtype in _DIGITS:
        return (1 << _DIGITS[dtype]) + 1
    if dtype.kind not in "iu":
        raise NotImplementedError(message("randperm", "a dtype that counts", dtype.name))
    return min(_greatest(dtype), _INT64_MAX)


# torch's names of what draws, as its messages say them.
_KERNELS = {
    "uniform": "check_uniform_bounds",
    "normal": "normal_kernel_cpu",
    "bernoulli": "bernoulli_tensor_cpu_p_",
}


def float_dtype(op: str, dtype: DTypeLike) -> np.dtype[Any]:
    """Return the NumPy dtype; NotImplementedError, as in torch, unless floating point."""
    found = np.dtype(dtype)
    if found not in _DIGITS:
        raise NotImplementedError(
            f"\"{_KERNELS.get(op, op)}\" not implemented for '{of_numpy(found).type_name}'; draw "
            "float32 and convert it"
        )
    return found


def shape_of(op: str, size: Sequence[int]) -> tuple[int, ...]:
    """Check a size: non-negative integers."""
    shape = tuple(map(operator.index, size))
    if shape and min(shape) < 0:
        raise RuntimeError(message(op, "sizes of 0 or more", f"{list(shape)}"))
    return shape


def float_request(
    op: str, size: Sequence[int], dtype: DTypeLike
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Check the dtype and the size of a draw of floating-point numbers."""
    return float_dtype(op, dtype), shape_of(op, size)


def require(ok: bool, text: str, value: float) -> None:
    """Raise torch's RuntimeError for a bad parameter: the text and the value, unless ``ok``."""
    if not ok:
        raise RuntimeError(f"{text}={value:g}")


def check_bounds(low: float, high: float, dtype: np.dtype[Any]) -> None:
    """Check the bounds of ``uniform``: in order, and each and their distance held by the dtype."""
    limit, name = float(_LARGEST_FLOAT[dtype]), of_numpy(dtype).type_name
    for bound, value in (("from", low), ("to", high)):
        if not -limit <= value <= limit:
            raise RuntimeError(f"{bound} is out of bounds for {name}: got {value:g}")
    if not low <= high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if high - low > limit:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{name}>::max(), but found "
            f"to={high:g} and from={low:g} which result in to-from to exceed the limit"
        )


def check_weights(probs: NDArray[Any], num_samples: int, replacement: bool) -> None:
    """Check the arguments of ``multinomial``."""
    if not 0 < probs.ndim <= 2:
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got {probs.ndim}")
    if probs.dtype not in _DIGITS:
        kind = of_numpy(probs.dtype).type_name
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {kind}"
        )
    if num_samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples: {num_samples}")
    if not replacement and num_samples > probs.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"{num_samples} > {probs.shape[-1]}"
        )
    if not probs.size:
        return
    greatest = probs.max(axis=-1)
    if not (probs.min() >= 0 and greatest.max() < np.inf):  # no number is above or below NaN
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not greatest.min() > 0:
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
