"""How fast this machine can be: floating-point operations, and bytes to and from memory."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from minigrad.profiler.averages import Average

__all__ = ["Limits", "measure"]

_SIDE = 768  # of the matrices: large enough for the BLAS to reach its speed
_BYTES = 1 << 26  # of the arrays copied: larger than the caches
_ROUNDS = 5


@dataclass(frozen=True)
class Limits:
    """Measured speeds, in 10^9 a second."""

    gigaflops: float  # of a product of float32 matrices
    gigabytes: float  # read and written by a copy

    def share(self, average: Average) -> float:
        """How much of the nearer limit was reached: of the one that would take longer."""
        if not average.self_cpu_time_total:
            return 0.0
        return max(average.gigaflops / self.gigaflops, average.gigabytes / self.gigabytes)


def measure() -> Limits:
    """Measure both, with the threads that are in use now; takes about a second.

    >>> found = measure()
    >>> found.gigaflops > 0 and found.gigabytes > 0
    True
    """
    a = np.ones((_SIDE, _SIDE), np.float32)
    product = np.empty_like(a)
    source, target = np.ones(_BYTES // 8), np.ones(_BYTES // 8)
    flops, moved = 2 * _SIDE**3, 2 * _BYTES
    best_product = best_copy = float("inf")
    for _ in range(_ROUNDS):
        began = perf_counter()
        np.dot(a, a, out=product)
        best_product = min(best_product, perf_counter() - began)
        began = perf_counter()
        np.copyto(target, source)
        best_copy = min(best_copy, perf_counter() - began)
    return Limits(flops / best_product / 1e9, moved / best_copy / 1e9)
