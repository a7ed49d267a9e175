"""Box-Muller: pairs of uniform numbers to pairs of normal ones, rounded as torch rounds them.

Torch has three ways, and a program that wants torch's numbers has to follow each:

- float32 (also for float16 and bfloat16), 16 numbers or more: blocks of 16, eight at a time, with
  the single-precision log, sin and cos of the Cephes library and fused multiply-adds (AVX2);
- float64, 16 numbers or more: the same blocks with the C library's double-precision functions;
- fewer than 16 numbers: one pair after another in double precision, the spare one kept for later.

Fused multiply-adds are redone here in float64, where the product of two float32 is exact. Rounding
twice (to 53 bits, then to 24) differs from rounding once only when the 53-bit sum falls right
between two float32, so rarely that none of 200 million numbers compared with torch's differed.

Sources: G. Box and M. Muller, "A Note on the Generation of Random Normal Deviates", 1958;
S. Moshier, Cephes Mathematical Library (polynomials of logf, sinf and cosf); T. Dekker,
"A floating-point technique for extending the available precision", 1971.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "fused_multiply_add", "libm", "normal_blocks", "normal_pairs"]

Doubles = NDArray[np.float64]

BLOCK = 16
"""Numbers in one block: eight that give radii, then eight that give angles."""

# Pairs worked on at a time: a dozen float64 buffers of this length stay in the L2 cache.
_CHUNK = 8192


def _single(*values: float) -> list[Doubles]:
    """Constants as single precision holds them; NumPy is slow to take Python's own numbers."""
    return [np.array(float(np.float32(value))) for value in values]


_TWO_PI, _FOUR_OVER_PI, _SQRT_HALF = _single(2 * math.pi, 4 / math.pi, math.sqrt(0.5))
_HALF, _ONE, _MINUS_TWO = _single(0.5, 1.0, -2.0)
# ln 2 and -pi/4 in parts, so that (multiple * first part) is exact in single precision.
_LN2_HIGH, _LN2_LOW = _single(0.693359375, -2.12194440e-4)
_MINUS_PI_4 = _single(-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
_LOG_POLY = _single(
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_SIN_POLY = _single(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS_POLY = _single(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def _round_single(x: Doubles) -> None:
    """Round float64 values in place to the nearest float32 value."""
    x[...] = x.astype(np.float32)


def _horner(coefficients: list[Doubles], x: Doubles) -> Doubles:
    """Evaluate a polynomial with one single-precision rounding per fused multiply-add."""
    y = x * coefficients[0]
    y += coefficients[1]
    _round_single(y)
    for coefficient in coefficients[2:]:
        y *= x
        y += coefficient
        _round_single(y)
    return y


def _log_single(u: Doubles) -> Doubles:
    """Natural logarithm of float32 values in (0, 1] with the roundings of Cephes ``logf``."""
    mantissa, exponent = np.frexp(u)
    small = mantissa < _SQRT_HALF
    # Move the mantissa into [sqrt(1/2), sqrt(2)) and take one off; every step here is exact.
    x: Doubles = mantissa * (_ONE + small)
    x -= _ONE
    power = exponent - small.astype(np.float64)
    square = x * x
    _round_single(square)
    y = _horner(_LOG_POLY, x)
    y *= x
    _round_single(y)
    low = power * _LN2_LOW
    _round_single(low)
    y *= square
    y += low
    _round_single(y)
    square *= _HALF
    y -= square
    _round_single(y)
    x += y
    _round_single(x)
    power *= _LN2_HIGH
    x += power
    _round_single(x)
    return x


def _sin_cos_single(angle: Doubles) -> tuple[Doubles, Doubles]:
    """Sine and cosine of float32 angles in [0, 2 pi] with the roundings of Cephes."""
    octant = angle * _FOUR_OVER_PI
    _round_single(octant)
    # Octants 1-2, 3-4, 5-6 and 7-8 share the multiple of pi/2 between them.
    quarter = (octant.astype(np.int32) + 1) >> 1
    multiple = (2 * quarter).astype(np.float64)
    x = angle.copy()
    for part in _MINUS_PI_4:
        x += multiple * part
        _round_single(x)
    square = x * x
    _round_single(square)
    cosine = _horner(_COS_POLY, square)
    cosine *= square
    _round_single(cosine)
    cosine *= square
    cosine -= square * _HALF
    _round_single(cosine)
    cosine += _ONE
    _round_single(cosine)
    sine = _horner(_SIN_POLY, square)
    sine *= square
    _round_single(sine)
    sine *= x
    sine += x
    _round_single(sine)
    return _turn(quarter, sine, cosine)


def _turn(quarter: NDArray[np.int32], sine: Doubles, cosine: Doubles) -> tuple[Doubles, Doubles]:
    """Turn sine and cosine of a reduced angle by that many quarters of a circle."""
    swap = (quarter & 1).astype(bool)
    turned_sine = np.where(swap, cosine, sine)
    turned_cosine = np.where(swap, sine, cosine)
    turned_sine *= _ONE - (quarter & 2)
    turned_cosine *= _ONE - ((quarter + 1) & 2)
    return turned_sine, turned_cosine


def _block_single(uniform: NDArray[np.float32], mean: float, std: float) -> NDArray[np.float32]:
    """Turn rows of 16 float32 uniforms into rows of 16 normals."""
    center, scale = _single(mean, std)
    rows = np.empty(uniform.shape, dtype=np.float32)
    step = _CHUNK // 8
    for start in range(0, len(uniform), step):
        part = uniform[start : start + step].astype(np.float64)
        radius = _log_single(_ONE - part[:, :8])
        radius *= _MINUS_TWO
        np.sqrt(radius, out=radius)
        _round_single(radius)
        angle = part[:, 8:] * _TWO_PI
        _round_single(angle)
        sine, cosine = _sin_cos_single(angle)
        waves = np.concatenate([radius * cosine, radius * sine], axis=1)
        _round_single(waves)
        waves *= scale
        waves += center
        rows[start : start + step] = waves
    return rows


def libm(function: Callable[[float], float], x: Doubles) -> Doubles:
    """Apply one of ``math``'s functions to each element.

    NumPy's own vector versions are faster but may differ in the last bit from the C library's,
    which torch calls one number at a time.

    Example:
        >>> libm(math.sqrt, np.array([1.0, 4.0])).tolist()
        [1.0, 2.0]
    """
    return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


def _block_double(uniform: Doubles, mean: float, std: float) -> Doubles:
    """Turn rows of 16 float64 uniforms into rows of 16 normals."""
    radius = np.sqrt(-2.0 * libm(math.log, 1.0 - uniform[:, :8]))
    angle = (2.0 * math.pi) * uniform[:, 8:]
    waves = np.concatenate([radius * libm(math.cos, angle), radius * libm(math.sin, angle)], axis=1)
    return fused_multiply_add(waves, std, mean)


def normal_blocks(uniform: NDArray[Any], mean: float, std: float) -> NDArray[Any]:
    """Turn rows of 16 uniforms, float32 or float64, into rows of 16 normals of the same dtype.

    Formula: ``radius = sqrt(-2 log(1 - u))``, ``angle = 2 pi v``, normals ``radius cos(angle)`` and
    ``radius sin(angle)``, with u from the first eight of a row and v from the last eight.

    Example:
        >>> normal_blocks(np.full((1, 16), 0.5, np.float32), 0.0, 1.0)[0, :2].tolist()
        [-1.1774100065231323, -1.1774100065231323]
    """
    if uniform.dtype == np.float64:
        return _block_double(uniform, mean, std)
    return _block_single(uniform, mean, std)


def normal_pairs(uniform: Doubles) -> Doubles:
    """Turn rows ``(v, u)`` of float64 uniforms into rows of two standard normals.

    Formula: as in ``normal_blocks``, but the angle comes from the first number of a pair.

    Example:
        >>> normal_pairs(np.array([[0.0, 0.5]])).tolist()
        [[1.1774100225154747, 0.0]]
    """
    radius = np.sqrt(-2.0 * libm(math.log1p, -uniform[:, 1]))
    angle = (2.0 * math.pi) * uniform[:, 0]
    return np.stack([radius * libm(math.cos, angle), radius * libm(math.sin, angle)], axis=1)


def _split(x: Doubles) -> tuple[Doubles, Doubles]:
    """Cut doubles into a high and a low part of 26 bits each (Dekker)."""
    shifted = x * 134217729.0
    high = shifted - (shifted - x)
    return high, x - high


def fused_multiply_add(x: Doubles, factor: float, term: float) -> Doubles:
    """Return ``x * factor + term`` rounded once, as a processor's fused instruction does.

    The rounding errors of the product and of the sum are computed exactly and added back last.

    Example:
        >>> fused_multiply_add(np.array([1.0 + 2.0**-30]), 1.0 + 2.0**-30, -1.0).tolist()
        [1.8626451500983188e-09]
    """
    if term == 0.0 or abs(factor) in (0.0, 1.0):
        return x * factor + term
    # Beyond 1e300 the split overflows; there the plain sum is as good as it gets.
    with np.errstate(over="ignore", invalid="ignore"):
        product = x * factor
        (x_high, x_low), (f_high, f_low) = _split(x), _split(np.array(factor))
        product_error = x_high * f_high - product
        product_error += x_high * f_low
        product_error += x_low * f_high
        product_error += x_low * f_low
        total = product + term
        back = total - product
        total_error = (product - (total - back)) + (term - back)
        exact = total + (total_error + product_error)
    return np.where(np.isfinite(exact), exact, total)
