"""Numbers for the tensors of a call: from a domain, far from its kinks, short enough to be read.

Nothing here needs hypothesis; the strategies draw a seed and leave the rest to these functions.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

import minigrad as torch
from minigrad.autograd.record import Domain

__all__ = ["LAYOUTS", "Plain", "generator", "laid_out", "values"]

Array = np.ndarray[Any, Any]

# How the elements of an argument lie in memory; values and gradients must not depend on it.
LAYOUTS = ("contiguous", "transposed", "stepped", "offset")


class Plain:
    """Draws what is simplest, steps in order; the numbers that a failure shrinks to.

    The steps are not quite even: even ones meet kinks such as multiples of 2, or margins of 1.
    """

    def __init__(self) -> None:
        self.drawn = 0  # tensors so far: each begins elsewhere, so that no two are alike

    def permutation(self, count: int) -> Array:
        """The numbers below ``count``, in order."""
        self.drawn += 1
        return np.roll(np.arange(count), self.drawn - 1)

    def uniform(self, low: float, high: float, shape: Any) -> Array:
        """Numbers that hardly differ."""
        part = (
            0.2 + (0.17 * self.drawn) % 0.4 + 0.3 * ((np.arange(int(np.prod(shape))) * 0.382) % 1)
        )
        return np.asarray((low + (high - low) * part).reshape(shape))

    def integers(self, low: Any, high: Any, shape: Any) -> Array:
        """Whole numbers from ``low`` up, and again."""
        count = np.arange(int(np.prod(shape))).reshape(shape)
        return np.asarray(low + count % (np.asarray(high) - low))


def generator(seed: int) -> Any:
    """What :func:`values` draws with; seed 0 stands for the simplest numbers.

    >>> from minigrad.testing.drawing import generator
    >>> generator(0).permutation(3)
    array([0, 1, 2])
    """
    return np.random.default_rng(seed) if seed else Plain()


def values(rng: Any, shape: tuple[int, ...], domain: Domain, kind: str, number: int = 0) -> Array:
    """Numbers of a domain, in a dtype kind ("float32", "int64", "bool", ...).

    ``number`` counts the tensors of a call: no two of them share a value.

    >>> import minigrad as torch
    >>> from minigrad.testing import reals
    >>> from minigrad.testing.drawing import generator, values
    >>> values(generator(0), (3,), reals(0, 3), "float64")
    array([0.383, 1.493, 2.593])
    """
    if domain.kind == "boolean":
        return np.asarray(rng.integers(0, 2, shape)).astype(bool)
    if domain.kind == "places":
        return _places(rng, shape, int(domain.low), int(domain.high))
    if domain.kind == "pivots":
        last = np.arange(1, shape[-1] + 1)
        return np.asarray(rng.integers(last, shape[-1] + 1, shape)).astype(np.int32)
    if domain.kind == "integer" or not kind.startswith(("float", "bfloat")):
        low, high = int(np.ceil(domain.low)), int(np.floor(domain.high))
        whole = np.asarray(rng.integers(low, max(high, low) + 1, shape))
        return whole.astype(np.int64 if domain.kind == "integer" and kind.startswith("f") else kind)
    drawn = _apart(rng, shape, domain, number)
    for point in domain.avoid:  # step away from a kink, further than finite differences reach
        near = np.abs(drawn - point) < 0.05
        drawn = np.where(near, point + np.where(drawn >= point, 0.1, -0.1), drawn)
    if domain.dominance and len(shape) > 1:
        drawn = drawn + domain.dominance * shape[-1] * np.eye(shape[-2], shape[-1])
    if domain.spread and len(shape) > 1:
        drawn = drawn + domain.spread * np.eye(shape[-2], shape[-1]) * np.arange(1, shape[-1] + 1)
    if domain.within is not None:
        drawn = domain.within(torch.from_numpy(np.array(drawn))).numpy()
    return np.asarray(drawn).astype(ml_dtypes.bfloat16 if kind == "bfloat16" else kind)


def _apart(rng: Any, shape: tuple[int, ...], domain: Domain, number: int) -> Array:
    """Real numbers, each in a part of the range of its own, with no more digits than that needs.

    No two are so near that differences would swap them.
    """
    size = int(np.prod(shape))
    width = (domain.high - domain.low) / max(size, 1)
    part = np.asarray(rng.permutation(size)).reshape(shape) + rng.uniform(0.05, 0.95, shape)
    drawn = np.asarray(domain.low + width * part)
    if width <= 0:
        return drawn
    digits = max(0, int(np.ceil(-np.log10(0.05 * width))))
    beside = (3 + number) * 0.1 ** (digits + 1)  # round numbers are often kinks: 2 of x % 2
    return _no_whole_steps(np.round(np.round(drawn, digits) + beside, digits + 1), digits + 1)


def _no_whole_steps(numbers: Array, digits: int) -> Array:
    """Numbers of so many digits, one more where two differed by a whole number: a usual margin."""
    part = np.round(numbers.reshape(-1) % 1, digits)
    order, count = np.argsort(part, kind="stable"), np.arange(part.size)
    fresh = np.diff(part[order], prepend=-1) > 0
    repeats = np.empty_like(count)
    repeats[order] = count - np.maximum.accumulate(np.where(fresh, count, 0))
    moved = numbers + (repeats % 10).reshape(numbers.shape) * 0.1 ** (digits + 1)
    return np.asarray(np.round(moved, digits + 1))


def _places(rng: Any, shape: tuple[int, ...], low: int, high: int) -> Array:
    """Numbers from low to high, none twice along an axis that they suffice for, or at all."""
    count = high + 1
    order = rng.permutation(count)
    if (size := int(np.prod(shape))) <= count:
        found = order[:size].reshape(shape)
    elif len(shape) > 1:
        found = order[sum(np.indices(shape)) % count]
    else:
        raise ValueError("more places than there are")
    return np.asarray(found - count * rng.integers(0, 2, shape) if low < 0 else found)


def laid_out(array: Array, layout: str) -> Array:
    """The same values in another order of memory.

    >>> import numpy as np
    >>> from minigrad.testing.drawing import laid_out
    >>> laid_out(np.ones((2, 3)), "transposed").strides
    (8, 16)
    """
    if layout == "transposed" and array.ndim >= 2:
        return np.ascontiguousarray(array.swapaxes(-1, -2)).swapaxes(-1, -2)
    if layout == "stepped" and array.ndim:
        wide = np.zeros((*array.shape[:-1], array.shape[-1] * 2), dtype=array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "offset" and array.ndim:
        longer = np.concatenate([array[:1], array]) if len(array) else array
        return longer[1:] if len(array) else array
    return array
