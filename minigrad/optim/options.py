"""Checks of optimizer options, with torch's messages, and options as plain numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.dtypes import float32
from minigrad.tensor import Tensor


class Options(SimpleNamespace):
    """The options of a group, and the numbers that a step derives from them."""

    def __getattr__(self, name: str) -> Any:  # for type checkers: any option may be there
        raise AttributeError(f"the parameter group has no option {name!r}")


def need_not_negative(value: float | Tensor, what: str) -> None:
    """Raise ValueError for a negative option (and for NaN)."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {what}: {value}")


def check_one_element(value: Any, what: str = "lr") -> None:
    """Raise ValueError for a tensor that is not one number."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor {what} must be 1-element")


def check_lr(lr: float | Tensor) -> None:
    """Raise ValueError unless the learning rate is one number that is not negative."""
    check_one_element(lr)
    need_not_negative(lr, "learning rate")


def check_betas(betas: tuple[Any, Any]) -> None:
    """Raise ValueError for a beta outside of [0, 1)."""
    for place in (0, 1):
        if not 0.0 <= betas[place] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {place}: {betas[place]}")


def check_fused(fused: bool | None, foreach: bool | None, differentiable: bool) -> None:
    """Raise RuntimeError for switches that exclude each other.

    ``foreach`` and ``fused`` choose among torch's kernels for one and the same update. minigrad has
    a single implementation, which computes in place and treats small parameters together, so both
    are accepted, stored, and change nothing.
    """
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def scalar(value: Any) -> Any:
    """A tensor of one element without dimensions; anything else as it is."""
    return value.squeeze() if isinstance(value, Tensor) and value.dim() else value


def number(value: Any) -> Any:
    """An option, or a tuple of options, with tensors of one element as numbers.

    A float32 tensor becomes a float32 number, and what is computed with it is rounded like torch's.
    """
    if isinstance(value, tuple):
        return tuple(map(number, value))
    if not isinstance(value, Tensor):
        return value
    return np.float32(value.item()) if value.dtype is float32 else value.item()


def plain(group: dict[str, Any], recorded: bool) -> Options:
    """A group's options for one step: numbers, or tensors where gradients are to flow to them."""
    take = scalar if recorded else number
    return Options(**{name: take(v) for name, v in group.items() if name not in HIDDEN})


HIDDEN = frozenset(("params", "param_names"))
