"""Tensors of random values to test with."""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad import dtypes

__all__ = ["make_tensor"]


def make_tensor(
    *shape: Any,
    dtype: dtypes.dtype,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> torch.Tensor:
    """A tensor of values drawn evenly from [low, high).

    The bounds are -9 and 9 for floats, -9 and 10 for integers, 0 and 10 for uint8, and both values
    of bool, unless they are given. ``exclude_zero`` puts the smallest step in the place of zeros;
    ``noncontiguous`` spreads the values in memory.

    Raises: ValueError if ``low`` is not below ``high``, or an integer is to require a gradient.

    >>> import minigrad as torch
    >>> x = torch.testing.make_tensor(2, 3, dtype=torch.float32, device="cpu", low=0, high=1)
    >>> x.shape, bool((x >= 0).all() and (x < 1).all())
    (torch.Size([2, 3]), True)

    Source: https://docs.pytorch.org/docs/stable/testing.html
    """
    size = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    floating = dtype.is_floating_point
    if requires_grad and not floating:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, got {dtype}"
        )
    least, most = _bounds(dtype)
    low, high = least if low is None else low, most if high is None else high
    if not low < high:
        raise ValueError(f"make_tensor: `low` must be less than `high`, got {low} >= {high}")
    drawn = [*size[:-1], 2 * size[-1]] if noncontiguous and size else list(size)
    if floating:
        values = torch.rand(drawn, dtype=torch.float64) * (high - low) + low
    else:
        values = torch.randint(int(low), int(high), drawn)
    result = values.to(dtype).to(device)
    if noncontiguous and size:
        result = result[..., ::2]
    if exclude_zero:
        step = torch.finfo(dtype).tiny if floating else 1
        result[result == 0] = step
    return result.requires_grad_(requires_grad)


def _bounds(dtype: dtypes.dtype) -> tuple[float, float]:
    if dtype is torch.bool:
        return 0, 2
    if dtype is torch.uint8:
        return 0, 10
    return (-9, 9) if dtype.is_floating_point else (-9, 10)
