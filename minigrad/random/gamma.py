"""Gamma numbers, one by one: each takes as many normals and uniforms as it happens to need.

Source: G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM
Transactions on Mathematical Software 26 (2000); a shape below one is raised by one, and the number
multiplied by a power of a uniform.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from minigrad.random.mt19937 import MersenneTwister
from minigrad.random.poisson import Uniforms

__all__ = ["gammas"]

# float32 constants, which torch also uses where it computes in float64.
_THIRD = 0.3333333432674408
_SQUEEZE = 0.03310000151395798


class _Normals:
    """Normal numbers by Box-Muller from the same uniforms; the second of a pair is kept."""

    def __init__(self, stream: MersenneTwister, uniforms: Callable[[], float]) -> None:
        self.kept = stream.double_sample
        self._uniforms = uniforms

    def take(self) -> float:
        """The next number."""
        if self.kept is not None:
            value, self.kept = self.kept, None
            return value
        angle = 2 * math.pi * self._uniforms()
        radius = math.sqrt(-2 * math.log1p(-self._uniforms()))
        self.kept = radius * math.sin(angle)
        return radius * math.cos(angle)


def gammas(
    stream: MersenneTwister, shapes: Iterable[float], narrow: Callable[[float], float] = float
) -> list[float]:
    """Draw a number of scale one for each shape; ``narrow`` rounds what torch computes in float32.

    Example:
        >>> gammas(MersenneTwister(0), [0.0])
        [0.0]
    """
    uniforms = Uniforms(stream)
    normals = _Normals(stream, uniforms.take)
    found = [_one(shape, uniforms.take, normals.take, narrow) for shape in shapes]
    uniforms.give_back()
    stream.double_sample = normals.kept
    return found


def _one(
    shape: float,
    uniform: Callable[[], float],
    normal: Callable[[], float],
    narrow: Callable[[float], float],
) -> float:
    """Marsaglia's and Tsang's cube of a normal, until one is accepted."""
    if math.isnan(shape):
        return math.nan
    scale = 1.0
    if shape < 1:
        if shape == 0:
            return 0.0
        scale = (1 - uniform()) ** narrow(1 / shape)
        shape = narrow(shape + 1)
    d = narrow(shape - _THIRD)
    c = 1 / math.sqrt(9 * d)
    while True:
        y = 0.0
        while y <= 0:
            x = normal()
            y = 1 + c * x
        v = y * y * y
        u = 1 - uniform()
        square = x * x
        if u < 1 - _SQUEEZE * square * square:
            return scale * d * v
        if math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v
