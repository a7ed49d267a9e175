"""Philox4x32-10: the random numbers of CUDA kernels, in NumPy, bit for bit.

A counter-based generator (Salmon, Moraes, Dror, Shaw 2011, 'Parallel random numbers: as easy as
1, 2, 3'): block b of the stream of a seed is four words, worked out from b and the seed alone, so
every thread of a card makes its own. ``kernels/cuda/random.cu`` has the same functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["bernoulli", "blocks", "dropout", "normal", "uniform", "words"]

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def blocks(count: int, dtype: Any = np.float32) -> int:
    """How many blocks ``count`` numbers take: four words each, of float64 two numbers.

    >>> blocks(9), blocks(9, np.float64)
    (3, 5)
    """
    return -(-count // (2 if np.dtype(dtype) == np.float64 else 4))


def words(count: int, seed: int, offset: int = 0) -> Any:
    """The first ``count`` words of the stream of a seed from block ``offset`` on, as uint32.

    >>> [hex(word) for word in words(4, 0)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    counters = np.arange(blocks(count), dtype=np.uint64) + np.uint64(offset % 2**64)
    a, b = counters & _LOW, counters >> _HALF
    c, d = np.zeros_like(a), np.zeros_like(a)
    keys = [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF]
    for _ in range(10):
        first, second = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        low, high = (np.uint64(key) for key in keys)
        a, b, c, d = (
            second >> _HALF ^ b ^ low,
            second & _LOW,
            first >> _HALF ^ d ^ high,
            first & _LOW,
        )
        keys = [key + step & 0xFFFFFFFF for key, step in zip(keys, _WEYL, strict=True)]
    return np.stack((a, b, c, d), 1).astype(np.uint32).reshape(-1)[:count]


def _wide(dtype: Any) -> Any:
    """What kernels compute with: float64 for float64, else float32."""
    return np.float64 if np.dtype(dtype) == np.float64 else np.float32


def _units(count: int, seed: int, offset: int, dtype: Any) -> Any:
    """Numbers in [0, 1): the high 24 bits of a word, or the high 53 of two."""
    if np.dtype(dtype) == np.float64:
        pairs = words(2 * count, seed, offset).astype(np.uint64).reshape(-1, 2)
        return ((pairs[:, 0] << _HALF | pairs[:, 1]) >> np.uint64(11)) * 2.0**-53
    return (words(count, seed, offset) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def uniform(
    count: int, seed: int, offset: int = 0, low: float = 0, high: float = 1, dtype: Any = np.float32
) -> Any:
    """Numbers spread evenly over [low, high): ``low + (high - low) u``, low where that is high.

    >>> uniform(2, 0).tolist()
    [0.3990464210510254, 0.8805201649665833]
    """
    kind = _wide(dtype)
    drawn = (kind(low) + kind(high - low) * _units(count, seed, offset, dtype)).astype(dtype)
    bottom, top = np.array([low, high], kind).astype(dtype)
    return np.where(drawn < top, drawn, bottom)


def normal(
    count: int, seed: int, offset: int = 0, mean: float = 0, std: float = 1, dtype: Any = np.float32
) -> Any:
    """Normal numbers by Box and Muller: a radius from one uniform number, an angle from the next.

    >>> normal(3, 0).shape
    (3,)
    """
    kind = _wide(dtype)
    u = _units(count + count % 2, seed, offset, dtype).reshape(-1, 2)
    radius, angle = np.sqrt(kind(-2) * np.log(1 - u[:, 0])), kind(2 * np.pi) * u[:, 1]
    pairs = np.stack((radius * np.cos(angle), radius * np.sin(angle)), 1)
    return (kind(mean) + kind(std) * pairs.reshape(-1)[:count]).astype(dtype)


def bernoulli(count: int, seed: int, offset: int = 0, p: float = 0.5) -> Any:
    """Whether each of so many uniform numbers of float32 is below p.

    >>> bernoulli(4, 0, p=0.5).tolist()
    [True, False, False, False]
    """
    return _units(count, seed, offset, np.float32) < np.float32(p)


def dropout(x: Any, seed: int, offset: int = 0, p: float = 0.5) -> Any:
    """``x / (1 - p)``, and ``0 x`` with probability p. Of a cotangent it is dropout's gradient.

    >>> dropout(np.ones(4, np.float32), 0, p=0.5).tolist()
    [0.0, 2.0, 2.0, 2.0]
    """
    kind = _wide(x.dtype)
    gone = bernoulli(x.size, seed, offset, p).reshape(x.shape)
    factors = np.where(gone, kind(0), kind(0 if p >= 1 else 1 / (1 - p)))
    return (x.astype(kind) * factors).astype(x.dtype)
