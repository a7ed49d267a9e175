"""Bounds and choices: where a value is cut off, and which of two is taken."""

from __future__ import annotations

import functools
import math
from importlib import import_module
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.arguments import common_type, is_argument, result_type
from minigrad.autograd.op import Binary, Op, tensors
from minigrad.autograd.registry import T, booleans, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.elementwise.arithmetic import NUMBERS
from minigrad.ops.elementwise.masks import chosen, gate
from minigrad.ops.elementwise.precision import no_derivative


def _clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, TensorBase) or isinstance(max, TensorBase):
        for name, bound in (("min", min), ("max", max)):
            if bound is not None and not isinstance(bound, TensorBase):
                raise TypeError(
                    f"clamp(): argument '{name}' must be Tensor, as the other bound is, not "
                    f"{type(bound).__name__}"
                )
        return tensors.clamp_to_tensors(input, min, max)
    return _between(input, min, max)


def _between(input: Any, min: Any, max: Any) -> Any:
    """A tensor between two numbers, in the dtype that they have together."""
    if not (is_argument(min) and is_argument(max)):  # Tensors do not come here
        raise TypeError(f"clamp(): bounds must be numbers or Tensors, got {min!r} and {max!r}")
    array = getattr(input, "_array", None)
    if array is not None and array.dtype.kind not in "fV":
        common = result_type((input, min, max))
        input = input if common.numpy == array.dtype else tensors.cast(input, common)
    return Clamp.short(input, min, max)


@functools.lru_cache(maxsize=256)
def _constant(xp: Any, value: Any, dtype: Any) -> Any:
    """A number as a 0-d array, for which NumPy's bounds are six times faster."""
    if dtype.kind in "iu":
        low, high = int(xp.iinfo(dtype).min), int(xp.iinfo(dtype).max)
        if not (low or -high) <= value <= high:  # a negative number wraps around
            raise RuntimeError(f"value {value} cannot be converted to {dtype} without overflow")
    return xp.asarray(value).astype(dtype)


# NumPy's ufunc: `np.clip` goes to it through three functions, in six times its time.
CLIP: Any = import_module("numpy._core.umath").clip


def _clip(xp: Any, input: Array, min: Any, max: Any, out: Any = None) -> Array:
    """Floats between two numbers, or one; both bounds at once take a fifth of one's time."""
    dtype = input.dtype
    low = _constant(xp, -math.inf if min is None else min, dtype)
    high = _constant(xp, math.inf if max is None else max, dtype)
    return (CLIP if xp is np else xp.clip)(input, low, high, out=out)


CLAMP: dict[str, Any] = {
    "domain": [reals(-3, 3, avoid=[-1, 0.5, 2]), reals(-2, 0), reals(0, 2)],
    "dtypes": NUMBERS,
    "inplace": True,
    "inplace_in": ("torch",),
    "out": True,
}


@register(
    public=_clamp,
    samples=(
        call(T(2, 3), -1, 2),
        call(T(5), min=0.5),
        call(T(5), max=0.5),
        call(T(4), 1, float("inf")),
        call(T(2, 3), T(2, 3), T(3)),
        call(T(6), min=2, max=-1),
    ),
    errors=(call(T(3)), call(T(3), "text"), call(T(3), T(3), 1.0)),
    aliases=("clip",),
    **CLAMP,
)
class Clamp(Op):
    """Elementwise value between two bounds; where they cross, the upper one wins.

    Formula:   out = min(max(input, min), max)
    Gradient:  g where min <= input <= max, else 0; a tensor as bound gets g where it is taken

    >>> import minigrad as torch
    >>> torch.clamp(torch.tensor([-2., 0.5, 3.]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """

    grad_fn = "ClampBackward1"
    kinds = "iufV"

    @staticmethod
    def forward(xp: Any, input: Array, min: Any, max: Any) -> Array:
        """Cut below, then above."""
        dtype = input.dtype
        if dtype.kind == "f":
            return _clip(xp, input, min, max)
        out = input if min is None else xp.maximum(input, _constant(xp, min, dtype))
        return out if max is None else xp.minimum(out, _constant(xp, max, dtype))

    @staticmethod
    def straight(input: Array, min: Any = None, max: Any = None) -> None:
        """Cut in place."""
        if (min is None and max is None) or type(min) is np.ndarray or type(max) is np.ndarray:
            raise TypeError("no bounds, or bounds for each element")
        _clip(np, input, min, max, input)

    @staticmethod
    def grad_input(g: Array, input: Array, min: Any, max: Any) -> Array:
        """Inside the bounds, edges included."""
        if min is None:
            return gate(g, input <= max)
        if max is None:
            return gate(g, input >= min)
        return gate(g, (input >= min) & (input <= max))


@register(internal=True)
class ClampToTensors(Op):
    """Elementwise value between two tensors, of which one may be left out."""

    grad_fn = "ClampBackward0"
    broadcasts = True
    promotes = "common"

    @staticmethod
    def forward(xp: Any, input: Array, min: Array | None, max: Array | None) -> Array:
        """Cut below, then above."""
        out = input if min is None else xp.maximum(input, min)
        return out if max is None else xp.minimum(out, max)

    @staticmethod
    def grad_input(g: Array, input: Array, min: Any, max: Any, F: Any) -> Array:
        """Inside the bounds, edges included."""
        if min is not None:
            g = F.where(input >= min, g, 0.0)
        return g if max is None else F.where(input <= max, g, 0.0)

    @staticmethod
    def grad_min(g: Array, input: Array, min: Any, max: Any, F: Any) -> Array:
        """Where the lower bound holds the value."""
        below = input < min
        return F.where(below if max is None else below & (min < max), g, 0.0)

    @staticmethod
    def grad_max(g: Array, input: Array, min: Any, max: Any, F: Any) -> Array:
        """Where the upper bound holds the value."""
        above = input > max
        return F.where(above if min is None else above | (max < min), g, 0.0)


ONE: dict[str, Any] = {**CLAMP, "errors": (call(T(3), None), call(T(3), "text"))}
SIDES = (call(T(2, 3), 0.5), call(T(2, 3), T(3)), call(T(), T(4)))


def _one_sided(name: str, input: Any, bound: Any) -> Any:
    """A bound, if there is one."""
    if bound is None or not isinstance(input, TensorBase):
        raise TypeError(
            f"{name}(): expected a Tensor and a bound, got {type(input).__name__} and "
            f"{type(bound).__name__}"
        )
    return bound


@function(samples=SIDES, **ONE)
def clamp_min(input: Any, min: Any) -> Any:
    """Elementwise value not below a bound.

    Formula:   out = max(input, min)

    >>> import minigrad as torch
    >>> torch.clamp_min(torch.tensor([-2., 3.]), 0)
    tensor([0., 3.])
    """
    return _clamp(input, min=_one_sided("clamp_min", input, min))


@function(samples=SIDES, **ONE)
def clamp_max(input: Any, max: Any) -> Any:
    """Elementwise value not above a bound.

    Formula:   out = min(input, max)

    >>> import minigrad as torch
    >>> torch.clamp_max(torch.tensor([-2., 3.]), 0)
    tensor([-2.,  0.])
    """
    return _clamp(input, max=_one_sided("clamp_max", input, max))


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
        if type(input) is np.ndarray is type(other) and input.dtype is other.dtype:
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
        return xp.where(input == 0, values, (input > 0).astype(input.dtype))

    grad_input = grad_values = no_derivative("heaviside", RuntimeError)


def _where_method(input: Any, condition: Any, other: Any) -> Any:
    """The elements of this tensor where the condition holds, else those of another.

    >>> import minigrad as torch
    >>> torch.tensor([1., 2.]).where(torch.tensor([True, False]), 0.)
    tensor([1., 0.])
    """
    return _where(condition, input, other)


setattr(TensorBase, "where", _where_method)  # noqa: B010 (the arguments differ from torch.where's)
