"""Bounds: where a value is cut off."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from minigrad.autograd.arguments import is_argument, result_type
from minigrad.autograd.op import Op, renamed, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, kept
from minigrad.backend.native import pointwise
from minigrad.dtypes import held
from minigrad.ops.elementwise.arithmetic import NUMBERS
from minigrad.ops.elementwise.masks import gate


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


@kept(256)
def _constant(xp: Any, value: Any, dtype: Any) -> Any:
    """A number as a 0-d array, for which NumPy's bounds are six times faster."""
    return xp.asarray(held(value, dtype)).astype(dtype)


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
        found = _inside(g, input, min, max)
        if found is not None:
            return found
        if min is None:
            return gate(g, input <= max)
        if max is None:
            return gate(g, input >= min)
        return gate(g, (input >= min) & (input <= max))


def _inside(g: Any, input: Any, min: Any, max: Any) -> Any:
    """The cotangent where no bound holds the value, 0 elsewhere, by a kernel if there is one."""
    least, most = -math.inf if min is None else min, math.inf if max is None else max
    return pointwise("clamp_backward", g, input, least, most)


@register(internal=True)
class ClampToTensors(Op):
    """Elementwise value between two tensors, of which one may be left out."""

    grad_fn = "ClampBackward0"
    broadcasts = True
    promotes = "common"

    @staticmethod
    def forward(xp: Any, input: Array, min: Array | None, max: Array | None) -> Array:
        """Cut below, then above."""
        found = pointwise(
            "clamp", input, -math.inf if min is None else min, math.inf if max is None else max
        )
        if found is not None:
            return found
        out = input if min is None else xp.maximum(input, min)
        return out if max is None else xp.minimum(out, max)

    @staticmethod
    def grad_input(g: Array, input: Array, min: Any, max: Any, F: Any) -> Array:
        """Inside the bounds, edges included."""
        found = _inside(g, input, min, max)
        if found is not None:
            return found
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
    return renamed(_clamp(input, min=_one_sided("clamp_min", input, min)), "ClampMinBackward0")


@function(samples=SIDES, **ONE)
def clamp_max(input: Any, max: Any) -> Any:
    """Elementwise value not above a bound.

    Formula:   out = min(input, max)

    >>> import minigrad as torch
    >>> torch.clamp_max(torch.tensor([-2., 3.]), 0)
    tensor([-2.,  0.])
    """
    return renamed(_clamp(input, max=_one_sided("clamp_max", input, max)), "ClampMaxBackward0")
