"""Bits of integers and masks, and what integers have in common."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.registry import T, call, function, integers, register

BITS: dict[str, Any] = {
    "domain": [integers(-2, 2)],
    "dtypes": ("int", "bool"),
    "gradcheck": False,
    "inplace": True,
}
PAIR: dict[str, Any] = {
    **BITS,
    "inplace_in": ("torch",),
    "dtypes": ("int",),
    "errors": (call(T(3), 2),),
}
SHIFT: dict[str, Any] = {**BITS, "dtypes": ("int",), "domain": [integers(1, 3)]}
REFLECTED: dict[str, Any] = {"where": ("Tensor",), "dtypes": ("int",), "gradcheck": False}


@register(dunder=("__and__", "__rand__"), **BITS)
class BitwiseAnd(Binary):
    """Elementwise and of bits; of integers and bools.

    >>> import minigrad as torch
    >>> torch.tensor([6, 3]) & 2
    tensor([2, 2])
    """

    ufunc = "bitwise_and"
    kinds = "biu"


@register(dunder=("__or__", "__ror__"), **BITS)
class BitwiseOr(Binary):
    """Elementwise or of bits; of integers and bools.

    >>> import minigrad as torch
    >>> torch.tensor([4, 3]) | 2
    tensor([6, 3])
    """

    ufunc = "bitwise_or"
    kinds = "biu"


@register(dunder=("__xor__", "__rxor__"), **BITS)
class BitwiseXor(Binary):
    """Elementwise exclusive or of bits; of integers and bools.

    >>> import minigrad as torch
    >>> torch.tensor([6, 3]) ^ 2
    tensor([4, 1])
    """

    ufunc = "bitwise_xor"
    kinds = "biu"


@register(**BITS)
class BitwiseNot(Unary):
    """Elementwise complement of bits; of integers and bools.

    >>> import minigrad as torch
    >>> torch.bitwise_not(torch.tensor([5]))
    tensor([-6])
    """

    ufunc = "invert"
    kinds = "biu"


@function(
    torch="Tensor.__invert__",
    domain=[integers(-2, 2)],
    samples=(call(T(3)),),
    dunder=("__invert__",),
    **{**REFLECTED, "dtypes": ("int", "bool")},
)
def invert(input: Any) -> Any:
    """``~input``: the complement of bits, which for bools is "not".

    >>> import minigrad as torch
    >>> ~torch.tensor([True, False])
    tensor([False,  True])
    """
    if input.is_floating_point():
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors, not on "
            f"{input.dtype}; convert with .bool() or .long()"
        )
    return apply(BitwiseNot, (input,))


@register(dunder=("__lshift__",), **SHIFT)
class BitwiseLeftShift(Binary):
    """Elementwise product with a power of 2, by moving bits; 0 if all are moved out.

    >>> import minigrad as torch
    >>> torch.tensor([1, 3]) << 2
    tensor([ 4, 12])
    """

    ufunc = "left_shift"
    kinds = "iu"


@register(dunder=("__rshift__",), **SHIFT)
class BitwiseRightShift(Binary):
    """Elementwise quotient by a power of 2, rounded down, by moving bits.

    >>> import minigrad as torch
    >>> torch.tensor([12, -3]) >> 1
    tensor([ 6, -2])
    """

    ufunc = "right_shift"
    kinds = "iu"


@function(
    torch="Tensor.__rlshift__",
    domain=[integers(1, 3)],
    samples=(call(T(3), 5),),
    dunder=("__rlshift__",),
    **REFLECTED,
)
def rlshift(input: Any, other: Any) -> Any:
    """``other << input``.

    >>> import minigrad as torch
    >>> 1 << torch.tensor([2, 4])
    tensor([ 4, 16])
    """
    return apply(BitwiseLeftShift, (other, input))


@function(
    torch="Tensor.__rrshift__",
    domain=[integers(1, 3)],
    samples=(call(T(3), 5),),
    dunder=("__rrshift__",),
    **REFLECTED,
)
def rrshift(input: Any, other: Any) -> Any:
    """``other >> input``.

    >>> import minigrad as torch
    >>> 16 >> torch.tensor([2, 4])
    tensor([4, 1])
    """
    return apply(BitwiseRightShift, (other, input))


@register(**PAIR)
class Gcd(Binary):
    """Elementwise greatest common divisor, never negative.

    >>> import minigrad as torch
    >>> torch.gcd(torch.tensor([12, 0]), torch.tensor([-8, 5]))
    tensor([4, 5])
    """

    ufunc = "gcd"
    kinds = "iu"
    numbers = ()


@register(**PAIR)
class Lcm(Binary):
    """Elementwise least common multiple, never negative.

    >>> import minigrad as torch
    >>> torch.lcm(torch.tensor([4, 0]), torch.tensor([-6, 5]))
    tensor([12,  0])
    """

    ufunc = "lcm"
    kinds = "iu"
    numbers = ()
