"""Comparison and logic: results are bool tensors without a gradient."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.registry import integers, reals, register

ANY = ("float", "int", "bool")
FACTS: dict[str, Any] = {"domain": [integers(-2, 2)], "dtypes": ANY, "gradcheck": False}


@register(dunder=("__eq__",), **FACTS)
class Eq(Binary):
    """Elementwise ``input == other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]) == 2
    tensor([False,  True])
    """

    ufunc = "equal"


@register(dunder=("__ne__",), aliases=("not_equal",), **FACTS)
class Ne(Binary):
    """Elementwise ``input != other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]) != 2
    tensor([ True, False])
    """

    ufunc = "not_equal"


@register(dunder=("__lt__",), aliases=("less",), **FACTS)
class Lt(Binary):
    """Elementwise ``input < other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]) < 2
    tensor([ True, False])
    """

    ufunc = "less"


@register(dunder=("__le__",), aliases=("less_equal",), **FACTS)
class Le(Binary):
    """Elementwise ``input <= other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 3]) <= 2
    tensor([ True, False])
    """

    ufunc = "less_equal"


@register(dunder=("__gt__",), aliases=("greater",), **FACTS)
class Gt(Binary):
    """Elementwise ``input > other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 3]) > 2
    tensor([False,  True])
    """

    ufunc = "greater"


@register(dunder=("__ge__",), aliases=("greater_equal",), **FACTS)
class Ge(Binary):
    """Elementwise ``input >= other``.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]) >= 2
    tensor([False,  True])
    """

    ufunc = "greater_equal"


@register(**FACTS)
class LogicalAnd(Binary):
    """Elementwise "both are not zero".

    >>> import minigrad as torch
    >>> torch.logical_and(torch.tensor([1, 0]), torch.tensor([2, 3]))
    tensor([ True, False])
    """

    ufunc = "logical_and"


@register(**FACTS)
class LogicalOr(Binary):
    """Elementwise "one at least is not zero".

    >>> import minigrad as torch
    >>> torch.logical_or(torch.tensor([1, 0]), torch.tensor([0, 0]))
    tensor([ True, False])
    """

    ufunc = "logical_or"


@register(**FACTS)
class LogicalXor(Binary):
    """Elementwise "just one is not zero".

    >>> import minigrad as torch
    >>> torch.logical_xor(torch.tensor([1, 0]), torch.tensor([1, 1]))
    tensor([False,  True])
    """

    ufunc = "logical_xor"


@register(**FACTS)
class LogicalNot(Unary):
    """Elementwise "is zero".

    >>> import minigrad as torch
    >>> torch.logical_not(torch.tensor([1, 0]))
    tensor([False,  True])
    """

    ufunc = "logical_not"


BITS: dict[str, Any] = {**FACTS, "dtypes": ("int", "bool"), "inplace": True}


@register(dunder=("__and__", "__rand__"), **BITS)
class BitwiseAnd(Binary):
    """Elementwise and of bits; of integers and bools.

    >>> import minigrad as torch
    >>> torch.tensor([6, 3]) & 2
    tensor([2, 2])
    """

    ufunc = "bitwise_and"


@register(dunder=("__or__", "__ror__"), **BITS)
class BitwiseOr(Binary):
    """Elementwise or of bits; of integers and bools.

    >>> import minigrad as torch
    >>> torch.tensor([4, 3]) | 2
    tensor([6, 3])
    """

    ufunc = "bitwise_or"


@register(dunder=("__xor__", "__rxor__"), **BITS)
class BitwiseXor(Binary):
    """Elementwise exclusive or of bits; of integers and bools.

    >>> import minigrad as torch
    >>> torch.tensor([6, 3]) ^ 2
    tensor([4, 1])
    """

    ufunc = "bitwise_xor"


@register(dunder=("__invert__",), **BITS)
class BitwiseNot(Unary):
    """Elementwise complement of bits; of integers and bools.

    >>> import minigrad as torch
    >>> ~torch.tensor([True, False]), ~torch.tensor([5])
    (tensor([False,  True]), tensor([-6]))
    """

    ufunc = "invert"


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
