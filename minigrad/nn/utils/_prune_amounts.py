"""How much is pruned and along what: checks with torch's messages, and counts."""

from __future__ import annotations

import numbers
from typing import Any

from minigrad import functions
from minigrad.tensor import Tensor


def check_amount(amount: Any) -> None:
    """Raise unless an amount is a count or a share."""
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, numbers.Integral)
    if float(amount) < 0.0 or (not whole and float(amount) > 1.0):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def count_of(amount: Any, size: int) -> int:
    """The number that an amount is of ``size`` things."""
    return int(amount) if isinstance(amount, numbers.Integral) else round(amount * size)


def need_count(count: int, size: int) -> None:
    """Raise if more is to be pruned than there is."""
    if count > size:
        raise ValueError(
            f"amount={count} should be smaller than the number of parameters to prune={size}"
        )


def check_structured(t: Tensor) -> None:
    """Raise unless a tensor has channels."""
    if t.ndim <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {t.shape} with {t.ndim} dims"
        )


def check_dim(t: Tensor, dim: int) -> None:
    """Raise unless a tensor has such a dimension."""
    if dim >= t.ndim:
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")


def norm_along(t: Tensor, n: Any, dim: int) -> Tensor:
    """The ``n``-norm of each channel along a dimension."""
    rows = range(t.ndim)[dim]
    norms: Tensor = functions.norm(t, p=n, dim=[d for d in range(t.ndim) if d != rows])
    return norms
