"""Poisson numbers, one by one: each takes as many uniforms as it happens to need.

Source: rates from ten on by W. Hörmann, "The transformed rejection method for generating Poisson
random variables", Insurance: Mathematics and Economics 12 (1993), PTRS; below by Knuth's products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from minigrad.random.draws import uniform_doubles
from minigrad.random.mt19937 import MersenneTwister

__all__ = ["Uniforms", "poissons"]

_CHUNK = 4096


class Uniforms:
    """Uniform numbers drawn ahead; ``give_back`` leaves the stream behind the last one taken."""

    def __init__(self, stream: MersenneTwister) -> None:
        self._stream = stream
        self._start = stream.get_state()
        self._ahead: list[float] = []
        self._place = 0
        self._taken = 0

    def take(self) -> float:
        """The next number."""
        if self._place == len(self._ahead):
            self._taken += self._place
            self._place = 0
            self._ahead = uniform_doubles(self._stream, _CHUNK).tolist()
        self._place += 1
        return self._ahead[self._place - 1]

    def give_back(self) -> None:
        """Draw again only what was taken."""
        self._stream.set_state(self._start)
        self._stream.words32(2 * (self._taken + self._place))


def poissons(stream: MersenneTwister, rates: Sequence[float]) -> list[int]:
    """Draw a number for each rate.

    Example:
        >>> stream = MersenneTwister(0)
        >>> poissons(stream, [3.0, 30.0])
        [6, 27]
    """
    uniforms = Uniforms(stream)
    take = uniforms.take
    found = [_rejected(rate, take) if rate >= 10 else _multiplied(rate, take) for rate in rates]
    uniforms.give_back()
    return found


def _multiplied(rate: float, take: Callable[[], float]) -> int:
    """How many uniforms can be multiplied before the product falls to exp(-rate)."""
    if rate == 0:
        return 0
    limit, product, count = math.exp(-rate), 1.0, 0
    while True:
        product *= take()
        if product <= limit:
            return count
        count += 1


def _rejected(rate: float, take: Callable[[], float]) -> int:
    """Hörmann's PTRS: a point under a hat, until one lies under the distribution."""
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)
    log_rate = math.log(rate)
    while True:
        u = take() - 0.5
        v = take()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        height = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if height <= k * log_rate - rate - math.lgamma(k + 1):
            return k
