"""What bounds a function of many numbers: memory, or its own work on what lies in a cache.

The same call is timed at two sizes, one twice the other, whose arrays lie in a core's second-level
cache. The difference of the two times is what so many numbers more take, without what a call costs
and without memory. Where that is more than copying the bytes from memory and back takes, memory can
grant the function no more: its limit is its own work, else the copy. A slow kernel is no excuse for
itself, so the other library's time in the cache stands beside it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.timing import in_turns

IN_CACHE = 3 << 18  # bytes that a call moves at the larger of its small sizes, at most
ROUNDS = 40  # of a fifth of a millisecond: some of them are left alone
CACHES = "/sys/devices/system/cpu/cpu0/cache"
VIEW = 10.0  # times as fast as the copy: nothing was moved, the result is a view
Shape = tuple[int, ...]


@functools.cache
def beyond_caches() -> int:
    """Bytes that no cache holds: one and a half times the last cache that the system tells of."""
    try:
        told = [_kibibytes(i) for i in os.listdir(CACHES) if i.startswith("index")]
    except OSError:  # not Linux
        told = []
    return (max(told, default=0) or 1 << 15) * 1536


def _kibibytes(index: str) -> int:
    with open(f"{CACHES}/{index}/size", encoding="ascii") as file:
        return int(file.read().strip().removesuffix("K"))


def small_shapes(shape: Shape, moved: float) -> tuple[Shape, Shape]:
    """A shape with half as many numbers as the other; a call with either stays in the cache.

    The first axis is cut, of a matrix to 64 rows and else to two, and then the second.

    >>> small_shapes((4096, 4096), 2.0)
    ((32, 1024), (64, 1024))
    >>> small_shapes((64, 64, 64, 64), 2.0)
    ((1, 8, 64, 64), (2, 8, 64, 64))
    """
    most = IN_CACHE / 4 / max(moved, 2.0)
    first, second = shape[0], shape[1]
    rest = int(np.prod(shape[2:]))
    least = 64 if len(shape) == 2 else 2
    while first // 2 >= least and first * second * rest > most:
        first //= 2
    while second > 1 and first * second * rest > most:
        second //= 2
    return (first // 2, second, *shape[2:]), (first // 2 * 2, second, *shape[2:])


def in_cache(
    small: Mapping[str, Callable[[], Any]], large: Mapping[str, Callable[[], Any]], numbers: int
) -> dict[str, float]:
    """Seconds per number of each library, from calls that differ by so many numbers.

    Of the fastest rounds: a difference of two medians would be as noisy as both of them.
    """
    calls = {f"{name}, {i}": of[name] for i, of in enumerate((small, large)) for name in of}
    found = {name: min(times) for name, times in in_turns(calls, ROUNDS).times.items()}
    return {name: (found[f"{name}, 1"] - found[f"{name}, 0"]) / numbers for name in small}


@dataclass(frozen=True)
class Bound:
    """What a row is bound by, and which part of that limit it reaches.

    ``inside``: seconds per number in the cache, of each library.
    """

    by: str  # "memory", "arithmetic"; "nothing" where the result is a view
    reached: float
    inside: Mapping[str, float]


def bound(inside: Mapping[str, float], seconds: float, of_copy: float, numbers: int) -> Bound:
    """Of a call of so many numbers that takes so long, this share of its copy's time."""
    own = inside["minigrad"] * numbers / seconds
    if of_copy > VIEW:
        return Bound("nothing", 1.0, inside)
    return Bound("arithmetic" if own > of_copy else "memory", max(own, of_copy), inside)
