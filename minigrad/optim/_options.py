"""Checks of optimizer options, with torch's messages."""

from __future__ import annotations

from typing import Any

from minigrad.tensor import Tensor


def need_not_negative(value: float | Tensor, what: str) -> None:
    """Raise ValueError for a negative option (and for NaN)."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {what}: {value}")


def check_lr(lr: float | Tensor) -> None:
    """Raise ValueError unless the learning rate is one number that is not negative."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    need_not_negative(lr, "learning rate")


def check_implementation(
    name: str,
    *,
    foreach: bool | None,
    fused: bool | None,
    differentiable: bool,
    capturable: bool = False,
) -> None:
    """Raise for combinations of torch's implementation switches that it, or minigrad, refuses.

    ``foreach`` and ``fused`` choose among torch's kernels for one and the same update. minigrad has
    a single implementation, which computes in place without temporaries, so both are accepted,
    stored, and change nothing.
    """
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    unsupported: dict[str, Any] = {"differentiable": differentiable, "capturable": capturable}
    for option, value in unsupported.items():
        if value:
            raise ValueError(
                f"{name}: {option}=True is not supported, because steps write into the "
                "parameters' memory outside of the graph; leave it False"
            )


def number(value: Any) -> float:
    """An option that may be a tensor of one element, as a Python number."""
    return float(value.item()) if isinstance(value, Tensor) else value
