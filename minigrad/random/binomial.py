"""Binomial numbers, one by one: each takes as many uniforms as it happens to need.

Source: means from ten on by W. Hörmann, "The generation of binomial random variates", Journal of
Statistical Computation and Simulation 46 (1993), BTRS; below by adding up geometric numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from minigrad.random.mt19937 import MersenneTwister
from minigrad.random.poisson import Uniforms

__all__ = ["binomials"]

# log(k!) less Stirling's formula for it, for k from 0 to 9.
_TAILS = (
    0.0810614667953272,
    0.0413406959554092,
    0.0276779256849983,
    0.02079067210376509,
    0.0166446911898211,
    0.0138761288230707,
    0.0118967099458917,
    0.0104112652619720,
    0.00925546218271273,
    0.00833056343336287,
)


def binomials(stream: MersenneTwister, trials: Iterable[tuple[float, float]]) -> list[float]:
    """Draw a number of successes for each pair of a count and a probability.

    Example:
        >>> stream = MersenneTwister(0)
        >>> binomials(stream, [(10.0, 0.0), (10.0, 1.0)])
        [0.0, 10.0]
    """
    uniforms = Uniforms(stream)
    found = [_one(count, chance, uniforms.take) for count, chance in trials]
    uniforms.give_back()
    return found


def _one(count: float, chance: float, take: Callable[[], float]) -> float:
    """The rarer of success and failure is drawn."""
    if count <= 0 or chance <= 0:
        return 0.0
    if chance >= 1:
        return count
    if math.isnan(chance):
        return math.nan
    rare = chance if chance <= 0.5 else 1 - chance
    draw = _rejected if count * rare >= 10 else _added
    found = draw(count, rare, take)
    return found if chance <= 0.5 else count - found


def _added(count: float, chance: float, take: Callable[[], float]) -> float:
    """How many geometric numbers, the waits for a success, go into the count."""
    log_failure, total, found = math.log1p(-chance), 0.0, 0.0
    while True:
        u = take()
        total += math.ceil(math.log(u) / log_failure) if u else math.inf
        if total > count:
            return found
        found += 1


def _rejected(count: float, chance: float, take: Callable[[], float]) -> float:
    """Hörmann's BTRS: a point under a hat, until one lies under the distribution."""
    deviation = math.sqrt(count * chance * (1 - chance))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * chance
    c = count * chance + 0.5
    v_r = 0.92 - 4.2 / b
    odds = chance / (1 - chance)
    alpha = (2.83 + 5.1 / b) * deviation
    m = math.floor((count + 1) * chance)
    while True:
        u = take() - 0.5
        v = take()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + c) if us else -1
        if k < 0 or k > count:
            continue
        if us >= 0.07 and v <= v_r:
            return float(k)
        height = math.log(v * alpha / (a / (us * us) + b)) if v else -math.inf
        bound = (
            (m + 0.5) * math.log((m + 1) / (odds * (count - m + 1)))
            + (count + 1) * math.log((count - m + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _tail(m)
            + _tail(count - m)
            - _tail(k)
            - _tail(count - k)
        )
        if height <= bound:
            return float(k)


def _tail(k: float) -> float:
    """What Stirling's formula lacks to log(k!)."""
    if k <= 9:
        return _TAILS[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
