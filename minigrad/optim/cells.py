"""Cells: a Tensor where a ``Block`` has an array, with the same words.

They serve where bare memory does not: steps that are to be recorded (``differentiable=True``), half
precision, which is rounded after each operation, and arrays on a card.
"""

from __future__ import annotations

from typing import Any

from minigrad import functions
from minigrad.tensor import Tensor


class Cell:
    """A changing value: what is "in place" here puts another Tensor into the cell.

    So nothing that backward has saved is ever overwritten; the optimizer copies the last Tensor
    into the parameter at the end.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def _set(self, value: Any) -> Cell:
        self.value = value
        return self

    def detach(self) -> Cell:
        """The same value without history."""
        return Cell(self.value.detach())

    # --- new cells ------------------------------------------------------------------------------

    def neg(self) -> Cell:
        """-x."""
        return Cell(-self.value)

    def abs(self) -> Cell:
        """Absolute values."""
        return Cell(self.value.abs())

    def sign(self) -> Cell:
        """-1, 0 or 1."""
        return Cell(self.value.sign())

    def sqrt(self) -> Cell:
        """Square roots."""
        return Cell(self.value.sqrt())

    def add(self, other: Any, alpha: Any = 1) -> Cell:
        """x + alpha * other."""
        return Cell(self.value).add_(other, alpha)

    def sub(self, other: Cell) -> Cell:
        """x - other."""
        return Cell(self.value - other.value)

    def mul(self, other: Any) -> Cell:
        """x * other."""
        return Cell(self.value * _plain(other))

    def div(self, other: Any) -> Cell:
        """x / other."""
        return Cell(self.value / _plain(other))

    def addcmul(self, a: Cell, b: Cell, value: Any = 1) -> Cell:
        """x + value * a * b."""
        return Cell(self.value).addcmul_(a, b, value)

    def by_sign(self, positive: float, negative: float, zero: float) -> Cell:
        """One of three numbers, by the sign of each element; NaN stays."""
        sign = self.value.sign()
        where = functions.where
        chosen = where(sign > 0, positive, where(sign < 0, negative, zero)).to(sign.dtype)
        return Cell(where(sign == sign, chosen, sign))

    def zero_where_negative(self, other: Cell) -> Cell:
        """x, but 0 where ``other`` is negative."""
        return Cell(self.value.masked_fill(other.value < 0, 0))

    # --- in place -------------------------------------------------------------------------------

    def copy_(self, other: Cell) -> Cell:
        """x = other."""
        return self._set(other.value.clone())

    def add_(self, other: Any, alpha: Any = 1) -> Cell:
        """x = x + alpha * other."""
        other = _plain(other)
        if isinstance(alpha, Tensor):
            return self._set(self.value + other * alpha)
        return self._set(self.value.add(other, alpha=alpha))

    def mul_(self, other: Any) -> Cell:
        """x = x * other."""
        return self._set(self.value * _plain(other))

    def div_(self, other: Any) -> Cell:
        """x = x / other."""
        return self._set(self.value / _plain(other))

    def sqrt_(self) -> Cell:
        """x = sqrt(x)."""
        return self._set(self.value.sqrt())

    def lerp_(self, end: Cell, weight: Any) -> Cell:
        """x = x + weight * (end - x)."""
        if isinstance(weight, Tensor):
            weight = weight.to(self.value.dtype)
        return self._set(self.value.lerp(end.value, weight))

    def addcmul_(self, a: Cell, b: Cell, value: Any = 1) -> Cell:
        """x = x + value * a * b."""
        if isinstance(value, Tensor):
            return self._set(self.value + a.value * b.value * value)
        return self._set(self.value.addcmul(a.value, b.value, value=value))

    def addcdiv_(self, a: Cell, b: Cell, value: Any = 1) -> Cell:
        """x = x + value * a / b."""
        if isinstance(value, Tensor):
            return self._set(self.value + a.value / b.value * value)
        return self._set(self.value.addcdiv(a.value, b.value, value=value))

    def maximum_(self, other: Cell) -> Cell:
        """x = max(x, other)."""
        return self._set(functions.maximum(self.value, other.value))

    def clamp_(self, low: float, high: float) -> Cell:
        """x = min(max(x, low), high)."""
        return self._set(self.value.clamp(low, high))


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Cell) else value
