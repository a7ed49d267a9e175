"""The chance that a normal number is below x, which gelu needs of large arrays of float32.

SciPy takes 15 ns for an error function. The logarithm of the odds, log(Φ(x) / Φ(-x)), is almost a
straight line: x times a short polynomial in x² gives it to float32's precision.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.backend import Array
from minigrad.ops.elementwise.blocks import blockwise
from minigrad.ops.elementwise.special import MANY, erf, odd

# Of the logarithm of the odds against, fitted as ERF is, up to 5.5; beyond, the chance goes to 0
# or 1 as it should.
ODDS = (
    -1.5957684323190588,
    -0.07266856685035351,
    6.6259874456853e-05,
    0.00011048034790508453,
    -7.938222944739505e-06,
    2.668930612353337e-07,
    -3.6112382128669515e-09,
)
ONE = np.array(1, np.float32)


def _chance(out: Array, x: Array) -> None:
    odds = odd(x, ODDS)
    np.exp(odds, out=odds)
    odds += ONE
    np.divide(ONE, odds, out=out)


def normal_chance(xp: Any, x: Array) -> Array:
    """Φ(x) = (1 + erf(x / √2)) / 2.

    >>> normal_chance(np, np.array([0.0, 1.0, -40.0])).round(4)
    array([0.5   , 0.8413, 0.    ])
    """
    if xp is np and x.dtype == np.float32 and x.size >= MANY:
        return blockwise(_chance, x)
    y = erf(xp, x * x.dtype.type(math.sqrt(0.5)))
    y += 1
    y *= 0.5
    return y
