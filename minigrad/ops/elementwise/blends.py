"""The arithmetic of three operands: products and quotients added up, points between two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.autograd.arguments import is_argument, result_type
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError
from minigrad.ops.elementwise.arithmetic import NUMBERS
from minigrad.ops.elementwise.number_first import hides_rest, number_first
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively


class _Three(Op):
    """What the ops of three tensors have in common."""

    broadcasts = True
    promotes = "common"
    numbers = ()

    @staticmethod
    def grad_input(g: Array) -> Array:
        """The summand counts once."""
        return g


def _need_arrays(*values: Any) -> None:
    """Decline numbers where torch takes none."""
    for value in values:
        if type(value) is not np.ndarray:
            raise TypeError(f"a Tensor is needed, not {type(value).__name__}")


def _fits(input: Any, other: Any) -> bool:
    """Whether a sum may be written into its second summand."""
    return bool(input.ndim and input.shape == other.shape)


@hides_rest
def _addcmul(input: Any, tensor1: Any, tensor2: Any, *rest: Any, value: Any = 1) -> Any:
    if rest:
        tensor1, tensor2, value = number_first("addcmul", "value", (tensor1, tensor2), rest)
    if isinstance(value, float) and not result_type((input, tensor1, tensor2)).is_floating_point:
        raise RuntimeError(
            "For integral input tensors, argument value must not be a floating point number."
        )
    return tensors.addcmul(input, tensor1, tensor2, value)


@register(
    public=_addcmul,
    out=True,
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    samples=(
        call(T(2, 3), T(2, 3), T(2, 3)),
        call(T(3), T(2, 1), T(3), value=2),
        call(T(), T(3), T()),
    ),
    errors=(call(T(3), T(3), T(4)), call(T(3), 2.0, T(3))),
    inplace=True,
)
class Addcmul(_Three):
    """Elementwise product of two tensors, added to a third.

    Formula:   out = input + value * tensor1 * tensor2
    Gradient:  g, g * value * tensor2 for tensor1, g * value * tensor1 for tensor2

    >>> import minigrad as torch
    >>> torch.addcmul(torch.ones(2), torch.tensor([1., 2.]), torch.tensor([3., 4.]), value=2)
    tensor([ 7., 17.])
    """

    kinds = "iufV"

    @staticmethod
    @widened
    @natively("addcmul")
    def forward(xp: Any, input: Array, tensor1: Array, tensor2: Array, value: Any) -> Array:
        """Multiply and add."""
        product = tensor1 * tensor2
        if value != 1:
            product = (product * value).astype(product.dtype, copy=False)
        return xp.add(input, product, out=product) if _fits(input, product) else input + product

    @staticmethod
    def straight(input: Array, tensor1: Array, tensor2: Array, *, value: Any = 1) -> None:
        """The sum in place."""
        _need_arrays(tensor1, tensor2)
        product = tensor1 * tensor2
        if value != 1:
            product *= value
        np.add(input, product, out=input)

    @staticmethod
    @natively("scaled_product")
    def grad_tensor1(g: Array, tensor2: Array, value: Any) -> Array:
        """The other factors."""
        return g * (tensor2 * value)

    @staticmethod
    @natively("scaled_product")
    def grad_tensor2(g: Array, tensor1: Array, value: Any) -> Array:
        """The other factors."""
        return g * (tensor1 * value)


@hides_rest
def _addcdiv(input: Any, tensor1: Any, tensor2: Any, *rest: Any, value: Any = 1) -> Any:
    if rest:
        tensor1, tensor2, value = number_first("addcdiv", "value", (tensor1, tensor2), rest)
    if isinstance(value, np.generic):
        value = value.item()
    return tensors.addcdiv(input, tensor1, tensor2, value)


def _no_integers(inputs: Sequence[Any]) -> None:
    if not any(t.is_floating_point() for t in inputs[1:]):
        raise RuntimeError(
            "Integer division with addcdiv is not supported; write "
            "input + value * (tensor1 / tensor2), or torch.trunc of the quotient"
        )


@register(
    public=_addcdiv,
    out=True,
    domain=[reals(-3, 3), reals(-3, 3), reals(0.5, 3)],
    samples=(
        call(T(2, 3), T(2, 3), T(2, 3)),
        call(T(3), T(2, 1), T(3), value=0.5),
        call(T(), T(3), T()),
    ),
    errors=(call(T(3), T(3), T(4)), call(T(3), 2.0, T(3))),
    inplace=True,
)
class Addcdiv(_Three):
    """Elementwise quotient of two tensors, added to a third.

    Formula:   out = input + value * tensor1 / tensor2
    Gradient:  g, g * value / tensor2 for tensor1, -g * value * tensor1 / tensor2 ** 2 for tensor2

    >>> import minigrad as torch
    >>> torch.addcdiv(torch.ones(2), torch.tensor([1., 2.]), torch.tensor([2., 4.]), value=2)
    tensor([2., 2.])
    """

    kinds = "fV"
    check = staticmethod(_no_integers)

    @staticmethod
    @widened
    @natively("addcdiv")
    def forward(xp: Any, input: Array, tensor1: Array, tensor2: Array, value: Any) -> Array:
        """Divide and add."""
        quotient = (tensor1 if value == 1 else tensor1 * value) / tensor2
        return xp.add(input, quotient, out=quotient) if _fits(input, quotient) else input + quotient

    @staticmethod
    def straight(input: Array, tensor1: Array, tensor2: Array, *, value: Any = 1) -> None:
        """The sum in place."""
        _need_arrays(tensor1, tensor2)
        quotient = (tensor1 if value == 1 else tensor1 * value) / tensor2
        np.add(input, quotient, out=input)

    @staticmethod
    @natively("scaled_quotient")
    def grad_tensor1(g: Array, value: Any, tensor2: Array) -> Array:
        """The numerator counts by the denominator."""
        return g * (value / tensor2)

    @staticmethod
    @natively("addcdiv_divisor")
    def grad_tensor2(g: Array, tensor1: Array, tensor2: Array, value: Any) -> Array:
        """Derivative of 1 / tensor2."""
        return -g * ((tensor1 * value) / (tensor2 * tensor2))


def _lerp(input: Any, end: Any, weight: Any) -> Any:
    by_tensor = isinstance(weight, TensorBase) or not is_argument(weight)
    return (tensors.lerp if by_tensor else tensors.lerp_by_number)(input, end, weight)


def _of_another_type(start: Any, end: Any, *weight: Any) -> DtypeError:
    which, other = ("end", end) if end != start else ("weight", *weight)
    wanted, found = (of_numpy(kind).c_name for kind in (start, other))
    return DtypeError(f"expected dtype {wanted} for `{which}` but got dtype {found}")


class _Way(Op):
    """What the two forms of ``lerp`` have in common."""

    broadcasts = True
    promotes = "same"
    mixed = staticmethod(_of_another_type)
    kinds = "fV"
    numbers = ()

    @staticmethod
    @natively("rest_product")
    def grad_input(g: Array, weight: Any) -> Array:
        """What is not yet gone."""
        return g * (1 - weight)

    @staticmethod
    def grad_end(g: Array, weight: Any) -> Array:
        """What is gone."""
        return g * weight


@register(internal=True)
class LerpByNumber(_Way):
    """Elementwise point on the way from one tensor to another, in the same proportion for all."""

    grad_fn = "LerpBackward0"

    @staticmethod
    @widened
    @natively("lerp")
    def forward(xp: Any, input: Array, end: Array, weight: Any) -> Array:
        """From the nearer end, so that both ends are reached."""
        way = end - input
        start, part = (input, weight) if abs(weight) < 0.5 else (end, weight - 1)
        way *= part
        return xp.add(start, way, out=way) if way.ndim else start + way


@register(
    public=_lerp,
    out=True,
    domain=[reals(-3, 3), reals(-3, 3), reals(-0.4, 1.4, avoid=[0.5])],
    samples=(
        call(T(2, 3), T(2, 3), 0.3),
        call(T(2, 3), T(3), 0.8),
        call(T(2, 3), T(2, 3), T(2, 3)),
        call(T(3), T(3), T()),
    ),
    errors=(call(T(3), T(4), 0.5), call(T(3), 2.0, 0.5), call(T(3), T(3), "text")),
    inplace=True,
)
class Lerp(_Way):
    """Elementwise point on the way from one tensor to another.

    Formula:   out = input + weight * (end - input)
    Gradient:  g * (1 - weight), g * weight for end, g * (end - input) for weight

    >>> import minigrad as torch
    >>> torch.lerp(torch.tensor([0., 10.]), torch.tensor([4., 20.]), 0.25)
    tensor([ 1.0000, 12.5000])
    """

    grad_fn = "LerpBackward1"

    @staticmethod
    def straight(input: Array, end: Array, weight: Any) -> None:
        """The point in place, in the same proportion for all elements."""
        _need_arrays(end)
        if type(weight) is np.ndarray:
            raise TypeError("a weight for each element is another op")
        way = end - input
        start, part = (input, weight) if abs(weight) < 0.5 else (end, weight - 1)
        way *= part
        np.add(start, way, out=input)

    @staticmethod
    @widened
    @natively("lerp")
    def forward(xp: Any, input: Array, end: Array, weight: Array) -> Array:
        """From the nearer end, so that both ends are reached."""
        way = end - input
        return xp.where(xp.abs(weight) < 0.5, input + weight * way, end - way * (1 - weight))

    @staticmethod
    @natively("difference_product")
    def grad_weight(g: Array, input: Array, end: Array) -> Array:
        """The way."""
        return g * (end - input)
