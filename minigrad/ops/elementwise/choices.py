"""Choices: which of two values is taken, by a condition or by their size."""

from __future__ import annotations

from typing import Any

from minigrad import dtypes
from minigrad.autograd.arguments import common_type
from minigrad.autograd.op import Binary, Op, tensors
from minigrad.autograd.registry import T, booleans, call, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.backend.native import array_types
from minigrad.ops.elementwise.arithmetic import NUMBERS
from minigrad.ops.elementwise.masks import chosen, picked
from minigrad.ops.elementwise.precision import no_derivative


def _where(condition: Any, input: Any = None, other: Any = None) -> Any:
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(condition, TensorBase):
        raise TypeError(
            f"where(): argument 'condition' (position 1) must be Tensor, not "
            f"{type(condition).__name__}"
        )
    if input is None or other is None:
        raise TypeError("where(): expected a condition alone, or with both input and other")
    if condition._array.dtype.kind != "b":
        if condition._array.dtype.name != "uint8":
            raise RuntimeError(
                "where expected condition to be a boolean tensor, but got a tensor with dtype "
                f"{dtypes.of_numpy(condition._array.dtype).type_name}"
            )
        condition = tensors.cast(condition, dtypes.bool_)
    try:
        alike = input._array.dtype is other._array.dtype
    except AttributeError:
        alike = False
    if not alike:
        input, other = common_type(input, other)
    return WHERE(condition, input, other)


@register(
    public=_where,
    out=True,
    domain=[booleans(), reals(-3, 3)],
    samples=(
        call(T(2, 3), T(2, 3), T(2, 3)),
        call(T(2, 1), T(3), T(2, 3)),
        call(T(4), T(4), 0.0),
        call(T(4), 1.0, T(1)),
        call(T(), T(), T(2)),
    ),
    where=("torch",),
)
class Where(Op):
    """Elementwise choice: ``input`` where the condition holds, else ``other``.

    Formula:   out = input if condition else other
    Gradient:  g to what was chosen, 0 to the other

    >>> import minigrad as torch
    >>> torch.where(torch.tensor([True, False]), torch.tensor([1., 2.]), 0.)
    tensor([1., 0.])
    """

    broadcasts = True

    @staticmethod
    def forward(xp: Any, condition: Array, input: Array, other: Array) -> Array:
        """Choose."""
        of_one_type = type(input) is type(other) and type(input) in array_types
        if of_one_type and input.dtype == other.dtype:
            return chosen(xp, condition, input, other)
        return xp.where(condition, input, other)

    @staticmethod
    def grad_input(g: Array, condition: Array, F: Any) -> Array:
        """Where it was chosen."""
        return F.where(condition, g, 0.0)

    @staticmethod
    def grad_other(g: Array, condition: Array, F: Any) -> Array:
        """Where it was chosen."""
        return F.where(condition, 0.0, g)


WHERE: Any = Where.short
LARGER: dict[str, Any] = {
    "domain": [reals(-3, 3)],
    "dtypes": NUMBERS,
    "errors": (call(T(2, 3), T(4)), call(T(3), 2.0), call(2.0, T(3))),
}


@register(**LARGER)
class Maximum(Binary):
    """Elementwise larger value; NaN wins.

    Formula:   out = max(input, other)
    Gradient:  g to the larger, g / 2 to each at a tie

    >>> import minigrad as torch
    >>> torch.maximum(torch.tensor([1., 5.]), torch.tensor([3., 2.]))
    tensor([3., 5.])
    """

    ufunc = "maximum"
    numbers = ()

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it above, half at a tie."""
        return F.where(input < other, 0.0, F.where(input == other, g / 2, g))

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it above, half at a tie."""
        return F.where(other < input, 0.0, F.where(input == other, g / 2, g))


@register(**LARGER)
class Minimum(Binary):
    """Elementwise smaller value; NaN wins.

    Formula:   out = min(input, other)
    Gradient:  g to the smaller, g / 2 to each at a tie

    >>> import minigrad as torch
    >>> torch.minimum(torch.tensor([1., 5.]), torch.tensor([3., 2.]))
    tensor([1., 2.])
    """

    ufunc = "minimum"
    numbers = ()

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it below, half at a tie."""
        return F.where(input > other, 0.0, F.where(input == other, g / 2, g))

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it below, half at a tie."""
        return F.where(other > input, 0.0, F.where(input == other, g / 2, g))


@register(**LARGER)
class Fmax(Binary):
    """Elementwise larger value; NaN only where both are.

    Formula:   out = max(input, other)
    Gradient:  g to the larger, all of it to input at a tie

    >>> import minigrad as torch
    >>> torch.fmax(torch.tensor([1., torch.nan]), torch.tensor([3., 2.]))
    tensor([3., 2.])
    """

    ufunc = "fmax"
    numbers = ()

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Where it is the larger, a tie included."""
        return F.where((input >= other) | (other != other), g, 0.0)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Where it is the larger."""
        return F.where((input >= other) | (other != other), 0.0, g)


@register(**LARGER)
class Fmin(Binary):
    """Elementwise smaller value; NaN only where both are.

    Formula:   out = min(input, other)
    Gradient:  g to the smaller, all of it to input at a tie

    >>> import minigrad as torch
    >>> torch.fmin(torch.tensor([1., torch.nan]), torch.tensor([3., 2.]))
    tensor([1., 2.])
    """

    ufunc = "fmin"
    numbers = ()

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Where it is the smaller, a tie included."""
        return F.where((input <= other) | (other != other), g, 0.0)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Where it is the smaller."""
        return F.where((input <= other) | (other != other), 0.0, g)


@register(
    domain=[reals(-3, 3, avoid=[0])],
    dtypes=NUMBERS,
    gradcheck=False,
    inplace=True,
    errors=(call(T(3), T(4)), call(T(3), 2.0)),
)
class Heaviside(Binary):
    """Elementwise step: 0 below zero, 1 above, and at zero what ``values`` says.

    >>> import minigrad as torch
    >>> torch.heaviside(torch.tensor([-1., 0., 2.]), torch.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """

    promotes = "same"
    numbers = ()

    @staticmethod
    def forward(xp: Any, input: Array, values: Array) -> Array:
        """Of NaN zero, as of what is not above."""
        return picked(xp, input == 0, values, (input > 0).astype(input.dtype))

    grad_input = grad_values = no_derivative("heaviside", RuntimeError)


def _where_method(input: Any, condition: Any, other: Any) -> Any:
    """The elements of this tensor where the condition holds, else those of another.

    >>> import minigrad as torch
    >>> torch.tensor([1., 2.]).where(torch.tensor([True, False]), 0.)
    tensor([1., 0.])
    """
    return _where(condition, input, other)


setattr(TensorBase, "where", _where_method)  # noqa: B010 (the arguments differ from torch.where's)
