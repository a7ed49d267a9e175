"""From raw words to uniforms, normals and shuffles: the steps that distributions share.

Each function takes what it needs from a ``MersenneTwister`` and leaves it where torch would.
The caller holds the generator's lock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from minigrad.random.box_muller import (
    BLOCK,
    fused_multiply_add,
    libm,
    normal_blocks,
    normal_pairs,
)
from minigrad.random.mt19937 import MersenneTwister

__all__ = [
    "apply_double",
    "bernoulli_bits",
    "look_up",
    "narrow",
    "normals_in_blocks",
    "shuffled",
    "standard_bernoullis",
    "standard_normals",
    "uniform_doubles",
    "uniform_singles",
]

Array = NDArray[Any]
Doubles = NDArray[np.float64]

_CHUNK = 1 << 15  # numbers drawn at a time, which stay in the cache until they are done
_SIXTEEN_BIT = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
# From this length on torch shuffles with 64-bit words and in another order.
_LONG_PERMUTATION = (2**32 - 1) // 20


def uniform_singles(
    stream: MersenneTwister, count: int, width: float = 1.0, start: float = 0.0
) -> NDArray[np.float32]:
    """Draw float32 uniforms in [start, start + width): the low 24 bits of one word each.

    Example:
        >>> uniform_singles(MersenneTwister(0), 2).tolist()
        [0.49625658988952637, 0.7682217955589294]
    """
    values = np.empty(count, np.float32)
    if stream.fill("random_uniform", values, width, start):
        return values
    for first in range(0, count, _CHUNK):
        part = values[first : first + _CHUNK]
        part[...] = _some_singles(stream, len(part), width, start)
    return values


def _some_singles(
    stream: MersenneTwister, count: int, width: float, start: float
) -> NDArray[np.float32]:
    """As many uniforms as the cache holds."""
    words = stream.words32(count)
    words &= np.uint32((1 << 24) - 1)
    values = words.astype(np.float32)
    values *= np.float32(2.0**-24)
    if width == 1.0 and start == 0.0:
        return values
    # In float64 the product of two float32 is exact, so this rounds once, like a fused instruction.
    wide = values.astype(np.float64)
    wide *= width
    wide += start
    return wide.astype(np.float32)


def uniform_doubles(
    stream: MersenneTwister, count: int, width: float = 1.0, start: float = 0.0
) -> Doubles:
    """Draw float64 uniforms in [start, start + width): the low 53 bits of two words each.

    Example:
        >>> uniform_doubles(MersenneTwister(0), 1).tolist()
        [0.9700530018065531]
    """
    values = np.empty(count)
    if stream.fill("random_uniform", values, width, start):
        return values
    words = stream.words64(count)
    words &= np.uint64((1 << 53) - 1)
    np.multiply(words, 2.0**-53, out=values)
    if width == 1.0 and start == 0.0:
        return values
    return fused_multiply_add(values, width, start)


def standard_bernoullis(
    stream: MersenneTwister, count: int, p: float, dtype: np.dtype[Any]
) -> Array:
    """Draw ones with probability p and zeros, from two words each.

    Example:
        >>> standard_bernoullis(MersenneTwister(0), 3, 0.5, np.dtype("int64")).tolist()
        [0, 0, 1]
    """
    values = np.empty(count, dtype)
    if not stream.fill("random_bernoulli", values, p):
        values[...] = uniform_doubles(stream, count) < p
    return values


def bernoulli_bits(stream: MersenneTwister, count: int, p: float) -> NDArray[np.uint8]:
    """Draw the same as bits, the first in the lowest bit of a byte; and one byte more.

    Example:
        >>> bernoulli_bits(MersenneTwister(0), 3, 0.5).tolist()
        [4, 0]
    """
    bits = np.zeros((count + 7) // 8 + 1, np.uint8)
    if not stream.fill_bits(bits, count, p):
        drawn = np.packbits(uniform_doubles(stream, count) < p, bitorder="little")
        bits[: drawn.size] = drawn
    return bits


def standard_normals(stream: MersenneTwister, count: int) -> Doubles:
    """Draw normals pair by pair, first the one that an earlier call left over."""
    kept = stream.double_sample
    if count == 0:
        return np.empty(0)
    head = [] if kept is None else [kept]
    pairs = (count - len(head) + 1) // 2
    fresh = normal_pairs(uniform_doubles(stream, 2 * pairs).reshape(pairs, 2)).ravel()
    values = np.concatenate([np.array(head), fresh])
    stream.double_sample = float(values[count]) if len(values) > count else None
    return values[:count]


def normals_in_blocks(
    stream: MersenneTwister, count: int, mean: float, std: float, dtype: np.dtype[Any]
) -> Array:
    """Draw 16 normals or more; an incomplete last block is drawn anew over the last 16 places."""
    kind = np.dtype(np.float64 if dtype == np.float64 else np.float32)
    values = np.empty(count, kind)
    rest = count % BLOCK
    _fill_blocks(stream, values[: count - rest], mean, std)
    if rest:
        # The wider types draw words for all places first, the 16-bit ones only for whole blocks.
        if dtype.itemsize >= 4:
            stream.words32(rest * (kind.itemsize // 4))
        _fill_blocks(stream, values[count - BLOCK :], mean, std)
    return values


def _fill_blocks(stream: MersenneTwister, out: Array, mean: float, std: float) -> None:
    """Fill an array of whole blocks with normals."""
    if not stream.fill("random_normal", out, mean, std):
        draw = uniform_doubles if out.dtype == np.float64 else uniform_singles
        out[...] = normal_blocks(draw(stream, out.size).reshape(-1, BLOCK), mean, std).ravel()


def shuffled(stream: MersenneTwister, n: int) -> NDArray[np.int64]:
    """Shuffle 0 .. n-1 (Fisher and Yates), choosing the element of each place from the front.

    Example:
        >>> shuffled(MersenneTwister(0), 5).tolist()
        [4, 0, 1, 3, 2]
    """
    if n >= _LONG_PERMUTATION:
        return _shuffled_inside_out(stream, n)
    order = np.arange(n, dtype=np.int64)
    if n > 1 and stream.fill("random_shuffle", order.view(np.float64)):
        return order
    words = stream.words32(max(n - 1, 0))
    places = np.arange(len(words), dtype=np.uint32)
    # A memoryview reads and writes single elements much faster than an array does.
    cells = order.data
    for place, other in enumerate((words % (np.uint32(n) - places) + places).data):
        cells[place], cells[other] = cells[other], cells[place]
    return order


def _shuffled_inside_out(stream: MersenneTwister, n: int) -> NDArray[np.int64]:
    """Shuffle while filling, with 64-bit words: torch's way for very long permutations."""
    words = stream.words64(n)
    words %= np.arange(1, n + 1, dtype=np.uint64)
    order = np.empty(n, dtype=np.int64)
    cells = order.data
    for place, other in enumerate(words.data):
        cells[place] = cells[other]
        cells[other] = place
    return order


def look_up(weights: Array, draws: Doubles) -> NDArray[np.int64]:
    """Find for each uniform number the category in whose share of the running sum it falls.

    Example:
        >>> look_up(np.array([1.0, 1.0, 2.0]), np.array([0.1, 0.3, 0.9])).tolist()
        [0, 1, 2]
    """
    sums = np.cumsum(weights, dtype=weights.dtype)
    sums /= sums[-1]
    sums[-1] = 1
    return np.searchsorted(sums.astype(np.float64), draws, side="left").astype(np.int64)


def narrow(values: Array, dtype: np.dtype[Any]) -> Array:
    """Convert to the wanted dtype as torch does: to the 16-bit types by way of float32.

    Example:
        >>> narrow(np.array([1.0 + 2.0**-11 + 2.0**-40]), np.dtype("float16")).tolist()
        [1.0]
    """
    if values.dtype == dtype:
        return values
    with np.errstate(over="ignore"):
        if dtype in _SIXTEEN_BIT:
            values = values.astype(np.float32)
        return values.astype(dtype)


def apply_double(name: str, x: Doubles, dtype: np.dtype[Any]) -> Doubles:
    """Apply a function in double precision, as the C library does if float64 shows all the bits.

    Rounded to a narrower dtype, NumPy's faster functions give the same numbers.

    Example:
        >>> apply_double("log1p", np.array([0.0]), np.dtype("float64")).tolist()
        [0.0]
    """
    if dtype == np.float64:
        function: Callable[[float], float] = getattr(math, name)
        return libm(function, x)
    vectorised: Callable[[Doubles], Doubles] = getattr(np, name)
    return vectorised(x)
