"""Cells: a Tensor where a ``Block`` has an array, with the same words.

They serve where bare memory does not: steps that are to be recorded (``differentiable=True``), half
precision, which is rounded after each operation, and arrays on a card.
"""

from __future__ import annotations

from collections.abc import Callable
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

    def _run(self, call: Callable[..., Any], *others: Any) -> Any:
        """A call on the value and on other cells; half precision is rounded once, at the end."""
        value, given = self.value, [_plain(other) for other in others]
        if value.dtype.itemsize != 2:
            return call(value, *given)
        wide = [v.float() if isinstance(v, Tensor) and v.dtype is value.dtype else v for v in given]
        return call(value.float(), *wide).to(value.dtype)

    def _new(self, call: Callable[..., Any], *others: Any) -> Cell:
        return Cell(self._run(call, *others))

    def _set(self, call: Callable[..., Any], *others: Any) -> Cell:
        self.value = self._run(call, *others)
        return self

    def _factor(self, alpha: Any) -> Any:
        """A factor in the type of the value, as torch takes it in sums of half precision."""
        dtype = self.value.dtype
        if dtype.itemsize != 2 or isinstance(alpha, Tensor):
            return alpha
        return functions.tensor(float(alpha), dtype=dtype).item()

    def detach(self) -> Cell:
        """The same value without history."""
        return Cell(self.value.detach())

    # --- new cells ------------------------------------------------------------------------------

    def neg(self) -> Cell:
        """-x."""
        return self._new(Tensor.neg)

    def abs(self) -> Cell:
        """Absolute values."""
        return self._new(Tensor.abs)

    def sign(self) -> Cell:
        """-1, 0 or 1."""
        return self._new(Tensor.sign)

    def sqrt(self) -> Cell:
        """Square roots."""
        return self._new(Tensor.sqrt)

    def add(self, other: Any, alpha: Any = 1) -> Cell:
        """x + alpha * other."""
        return self._new(_add, other, self._factor(alpha))

    def sub(self, other: Cell) -> Cell:
        """x - other."""
        return self._new(Tensor.sub, other)

    def mul(self, other: Any) -> Cell:
        """x * other."""
        return self._new(Tensor.mul, other)

    def div(self, other: Any) -> Cell:
        """x / other."""
        return self._new(Tensor.div, other)

    def addcmul(self, a: Cell, b: Cell, value: Any = 1) -> Cell:
        """x + value * a * b."""
        return self._new(_addcmul, a, b, value)

    def by_sign(self, positive: float, negative: float, zero: float) -> Cell:
        """One of three numbers, by the sign of each element; NaN stays."""
        sign, where = self.value.sign(), functions.where
        chosen = where(sign > 0, positive, where(sign < 0, negative, zero)).to(sign.dtype)
        return Cell(where(sign == sign, chosen, sign))

    def where(self, condition: Tensor, other: float) -> Cell:
        """x where a condition holds, else a number."""
        return Cell(functions.where(condition, self.value, other))

    def zero_where_negative(self, other: Cell) -> Cell:
        """x, but 0 where ``other`` is negative."""
        return Cell(self.value.masked_fill(other.value < 0, 0))

    # --- in place -------------------------------------------------------------------------------

    def copy_(self, other: Cell) -> Cell:
        """x = other."""
        self.value = other.value.clone()
        return self

    def add_(self, other: Any, alpha: Any = 1) -> Cell:
        """x = x + alpha * other."""
        return self._set(_add, other, self._factor(alpha))

    def mul_(self, other: Any) -> Cell:
        """x = x * other."""
        return self._set(Tensor.mul, other)

    def div_(self, other: Any) -> Cell:
        """x = x / other."""
        return self._set(Tensor.div, other)

    def sqrt_(self) -> Cell:
        """x = sqrt(x)."""
        return self._set(Tensor.sqrt)

    def lerp_(self, end: Cell, weight: Any) -> Cell:
        """x = x + weight * (end - x)."""
        return self._set(_lerp, end, weight)

    def addcmul_(self, a: Cell, b: Cell, value: Any = 1) -> Cell:
        """x = x + value * a * b."""
        return self._set(_addcmul, a, b, value)

    def addcdiv_(self, a: Cell, b: Cell, value: Any = 1) -> Cell:
        """x = x + value * a / b."""
        return self._set(_addcdiv, a, b, value)

    def maximum_(self, other: Cell) -> Cell:
        """x = max(x, other)."""
        return self._set(Tensor.maximum, other)

    def clamp_(self, low: float, high: float) -> Cell:
        """x = min(max(x, low), high)."""
        return self._set(Tensor.clamp, low, high)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Cell) else value


# torch's words take factors that are numbers; where a factor is learnt, the product is spelt out.


def _add(x: Tensor, other: Any, alpha: Any) -> Tensor:
    return x + other * alpha if isinstance(alpha, Tensor) else x.add(other, alpha=alpha)


def _lerp(x: Tensor, end: Tensor, weight: Any) -> Tensor:
    return x.lerp(end, weight.to(x.dtype) if isinstance(weight, Tensor) else weight)


def _addcmul(x: Tensor, a: Tensor, b: Tensor, value: Any) -> Tensor:
    return x + a * b * value if isinstance(value, Tensor) else x.addcmul(a, b, value=value)


def _addcdiv(x: Tensor, a: Tensor, b: Tensor, value: Any) -> Tensor:
    return x + a / b * value if isinstance(value, Tensor) else x.addcdiv(a, b, value=value)
