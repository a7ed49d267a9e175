"""Where filters and windows stand that slide over spatial axes."""

from __future__ import annotations

import functools
import itertools
from typing import Any, NamedTuple

from minigrad.backend import Array

remembered = functools.lru_cache(maxsize=256)  # what only the geometry decides


class Geometry(NamedTuple):
    """Where a filter stands: per spatial axis, and over how many groups of channels."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @remembered
    def taps(self, kernel: tuple[int, ...], out: tuple[int, ...]) -> list[tuple[Any, ...]]:
        """For each tap of the filter, its index and the padded places that it meets."""
        along = [
            [slice(t * d, t * d + (n - 1) * s + 1, s) for t in range(k)]
            for k, d, s, n in zip(kernel, self.dilation, self.stride, out, strict=True)
        ]
        indices = itertools.product(*map(range, kernel))
        return list(zip(indices, itertools.product(*along), strict=True))

    @remembered
    def out_sizes(self, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
        """The spatial sizes of the output."""
        return tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                sizes, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )

    @remembered
    def padded(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """The spatial sizes of the input with its margins."""
        return tuple(n + 2 * p for n, p in zip(sizes, self.padding, strict=True))

    def framed(self, xp: Any, x: Array) -> Array:
        """An input (N, C, *sizes) with its margins of zeros; itself where there are none."""
        if not any(self.padding):
            return x
        out = xp.zeros((*x.shape[:2], *self.padded(x.shape[2:])), dtype=x.dtype)
        out[(..., *self.inner(x.shape[2:]))] = x
        return out

    @remembered
    def inner(self, sizes: tuple[int, ...]) -> tuple[slice, ...]:
        """The places of the padded input that are no margin."""
        return tuple(slice(p, p + n) for n, p in zip(sizes, self.padding, strict=True))


@remembered
def geometry_of(
    stride: tuple[int, ...], padding: tuple[int, ...], dilation: tuple[int, ...], groups: int
) -> Geometry:
    """A geometry whose numbers can be multiplied with sizes: of 32 bits, as torch's for pools."""
    for name, values in (("stride", stride), ("padding", padding), ("dilation", dilation)):
        if max(values, default=0) >= 1 << 31:
            raise RuntimeError(f"{name} must be less than 2**31, got {list(values)}")
    return Geometry(stride, padding, dilation, groups)
