"""Comparison and logic: results are bool tensors without a gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Binary, Op, Unary, tensors
from minigrad.autograd.registry import T, call, function, integers, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError
from minigrad.ops.elementwise.blocks import BLOCK

ANY = ("float", "int", "bool")
FACTS: dict[str, Any] = {
    "domain": [integers(-2, 2)],
    "dtypes": ANY,
    "gradcheck": False,
    "inplace": True,
}
ORDER: dict[str, Any] = {**FACTS, "errors": (call(2, T(3)), call(T(3), T(4)))}


@register(dunder=("__eq__",), **ORDER)
class Eq(Binary):
    """Elementwise ``input == other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]) == 2
    tensor([False,  True])
    """

    ufunc = "equal"
    numbers = ("other",)


@register(dunder=("__ne__",), aliases=("not_equal",), **ORDER)
class Ne(Binary):
    """Elementwise ``input != other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]) != 2
    tensor([ True, False])
    """

    ufunc = "not_equal"
    numbers = ("other",)


@register(dunder=("__lt__",), aliases=("less",), **ORDER)
class Lt(Binary):
    """Elementwise ``input < other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]) < 2
    tensor([ True, False])
    """

    ufunc = "less"
    numbers = ("other",)


@register(dunder=("__le__",), aliases=("less_equal",), **ORDER)
class Le(Binary):
    """Elementwise ``input <= other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 3]) <= 2
    tensor([ True, False])
    """

    ufunc = "less_equal"
    numbers = ("other",)


@register(dunder=("__gt__",), aliases=("greater",), **ORDER)
class Gt(Binary):
    """Elementwise ``input > other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 3]) > 2
    tensor([False,  True])
    """

    ufunc = "greater"
    numbers = ("other",)


@register(dunder=("__ge__",), aliases=("greater_equal",), **ORDER)
class Ge(Binary):
    """Elementwise ``input >= other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]) >= 2
    tensor([False,  True])
    """

    ufunc = "greater_equal"
    numbers = ("other",)


def _true(x: Array) -> Array:
    """Whether each element is not zero, which NumPy finds faster by a comparison."""
    return x if x.dtype.kind == "b" else x != 0


LOGIC: dict[str, Any] = {**FACTS, "errors": (call(T(3), 2), call(T(3), T(4)))}


@register(**LOGIC)
class LogicalAnd(Binary):
    """Elementwise "both are not zero".

    >>> import minigrad as torch
    >>> torch.logical_and(torch.tensor([1, 0]), torch.tensor([2, 3]))
    tensor([ True, False])
    """

    numbers = ()

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Of bools."""
        return xp.bitwise_and(_true(input), _true(other))


@register(**LOGIC)
class LogicalOr(Binary):
    """Elementwise "one at least is not zero".

    >>> import minigrad as torch
    >>> torch.logical_or(torch.tensor([1, 0]), torch.tensor([0, 0]))
    tensor([ True, False])
    """

    numbers = ()

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Of bools."""
        return xp.bitwise_or(_true(input), _true(other))


@register(**LOGIC)
class LogicalXor(Binary):
    """Elementwise "just one is not zero".

    >>> import minigrad as torch
    >>> torch.logical_xor(torch.tensor([1, 0]), torch.tensor([1, 1]))
    tensor([False,  True])
    """

    numbers = ()

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Of bools."""
        return xp.bitwise_xor(_true(input), _true(other))


@register(**FACTS)
class LogicalNot(Unary):
    """Elementwise "is zero".

    >>> import minigrad as torch
    >>> torch.logical_not(torch.tensor([1, 0]))
    tensor([False,  True])
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Of bools by NumPy's own."""
        return xp.logical_not(input) if input.dtype.kind == "b" else input == 0


PREDICATE: dict[str, Any] = {
    "domain": [reals(-3, 3)],
    "dtypes": ("float", "int"),
    "gradcheck": False,
}


@register(**PREDICATE)
class Isnan(Unary):
    """Elementwise "is not a number".

    >>> import minigrad as torch
    >>> torch.isnan(torch.tensor([1., torch.nan]))
    tensor([False,  True])
    """

    ufunc = "isnan"


@register(**PREDICATE)
class Isinf(Unary):
    """Elementwise "is infinite".

    >>> import minigrad as torch
    >>> torch.isinf(torch.tensor([1., -torch.inf]))
    tensor([False,  True])
    """

    ufunc = "isinf"


@register(**PREDICATE)
class Isfinite(Unary):
    """Elementwise "is neither infinite nor NaN".

    >>> import minigrad as torch
    >>> torch.isfinite(torch.tensor([1., torch.inf]))
    tensor([ True, False])
    """

    ufunc = "isfinite"


@register(**PREDICATE)
class Isposinf(Unary):
    """Elementwise "is positive infinity".

    >>> import minigrad as torch
    >>> torch.isposinf(torch.tensor([torch.inf, -torch.inf]))
    tensor([ True, False])
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """No other number is as large."""
        return input == math.inf


@register(**PREDICATE)
class Isneginf(Unary):
    """Elementwise "is negative infinity".

    >>> import minigrad as torch
    >>> torch.isneginf(torch.tensor([torch.inf, -torch.inf]))
    tensor([False,  True])
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """No other number is as small."""
        return input == -math.inf


@register(**PREDICATE)
class Signbit(Unary):
    """Elementwise "has the sign bit set"; so has -0.

    >>> import minigrad as torch
    >>> torch.signbit(torch.tensor([-1., -0., 2.]))
    tensor([ True,  True, False])
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Of integers the negative ones."""
        return input < 0 if input.dtype.kind in "biu" else xp.signbit(input)


def _isclose(
    input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    for name, bound in (("rtol", rtol), ("atol", atol)):
        if bound < 0:
            raise RuntimeError(f"isclose: expected {name} not below zero, got {bound}")
    return tensors.isclose(input, other, rtol, atol, equal_nan)


CLOSE: dict[str, Any] = {
    "domain": [integers(1, 2)],
    "dtypes": ANY,
    "gradcheck": False,
    "samples": (
        call(T(2, 3), T(2, 3)),
        call(T(2, 3), T(3), rtol=0.5),
        call(T(2, 3), T(2, 3), atol=1.0),
        call(T(), T(4), equal_nan=True),
    ),
    "errors": (call(T(3), T(4)), call(T(3), 2.0), call(T(3), T(3), rtol=-1.0)),
}


def _not_alike(x: Any, y: Any) -> DtypeError:
    one, two = (of_numpy(kind).type_name for kind in (x, y))
    return DtypeError(f"{one} did not match {two}")


@register(public=_isclose, **CLOSE)
class Isclose(Op):
    """Elementwise "is as good as equal".

    Formula:   out = |input - other| <= atol + rtol * |other|, or both are equal

    >>> import minigrad as torch
    >>> torch.isclose(torch.tensor([1., 2.]), torch.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """

    broadcasts = True
    promotes = "same"
    mixed = staticmethod(_not_alike)
    numbers = ()

    @staticmethod
    def forward(
        xp: Any, input: Array, other: Array, rtol: float, atol: float, equal_nan: bool
    ) -> Array:
        """Infinities are close to themselves only."""
        close = input == other
        if equal_nan:
            close = close | ((input != input) & (other != other))
        if rtol == 0 and atol == 0:
            return close
        if input.dtype.kind not in "fV":  # integers in float64, that differences do not wrap around
            input, other = input.astype(xp.float64), other.astype(xp.float64)
        distance = xp.abs(input - other)
        return close | (xp.isfinite(distance) & (distance <= atol + xp.abs(rtol * other)))


@function(**{**CLOSE, "returns": "bool"})
def allclose(
    input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements of two tensors are as good as equal, as a Python bool.

    >>> import minigrad as torch
    >>> torch.allclose(torch.tensor([1., 2.]), torch.tensor([1.000001, 2.]))
    True
    """
    return bool(_isclose(input, other, rtol, atol, equal_nan)._array.all())


@function(
    domain=[integers(1, 2)],
    dtypes=ANY,
    gradcheck=False,
    returns="bool",
    samples=(call(T(2, 3), T(2, 3)), call(T(1), T(1)), call(T(2, 3), T(3)), call(T(0), T(0))),
    errors=(call(T(3), 2.0),),
)
def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and elements, as a Python bool.

    >>> import minigrad as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    for position, value in enumerate((input, other)):
        if not isinstance(value, TensorBase):
            name = ("input", "other")[position]
            raise TypeError(
                f"equal(): argument '{name}' (position {position + 1}) must be Tensor, "
                f"not {type(value).__name__}"
            )
    x, y = input._array, other._array
    if x.shape != y.shape:
        return False
    if x.size > BLOCK and x.dtype == y.dtype and x.flags.c_contiguous and y.flags.c_contiguous:
        x, y = x.reshape(-1), y.reshape(-1)  # in pieces, of which the first to differ decides
        pieces = (slice(start, start + BLOCK) for start in range(0, x.size, BLOCK))
        return all(bool((x[piece] == y[piece]).all()) for piece in pieces)
    same = x == y if x.dtype is y.dtype else tensors.eq(input, other)._array
    return bool(np.count_nonzero(same) == same.size if type(same) is np.ndarray else same.all())
