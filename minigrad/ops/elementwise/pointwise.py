"""Functions of one number, element by element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.autograd.op import Unary
from minigrad.autograd.registry import reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.elementwise.masks import zero
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively

NUMBERS = ("float", "int")


def _no_mask(inputs: Sequence[Any]) -> None:
    if isinstance(inputs[0], TensorBase) and inputs[0]._array.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )


@register(
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    dunder=("__neg__",),
    inplace=True,
    inplace_in=("torch",),
    aliases=("negative",),
)
class Neg(Unary):
    """Elementwise negative.

    Formula:   out = -input
    Gradient:  -g

    >>> import minigrad as torch
    >>> -torch.tensor([1., -2.])
    tensor([-1.,  2.])
    """

    ufunc = "negative"
    kinds = "iufV"
    check = staticmethod(_no_mask)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """The sign turns."""
        return -g


@register(
    domain=[reals(-3, 3, avoid=[0])],
    dtypes=NUMBERS,
    dunder=("__abs__",),
    inplace=True,
    inplace_in=("torch",),
    aliases=("absolute",),
)
class Abs(Unary):
    """Elementwise absolute value.

    Formula:   out = |input|
    Gradient:  g * sign(input), zero at 0

    >>> import minigrad as torch
    >>> torch.abs(torch.tensor([-1., 2.]))
    tensor([1., 2.])
    """

    ufunc = "absolute"
    kinds = "iufV"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """The sign, which is zero at zero."""
        return g * F.sign(input)


@register(
    domain=[reals(-3, 3, avoid=[0])],
    dtypes=(*NUMBERS, "bool"),
    inplace=True,
    aliases=("sgn",),
)
class Sign(Unary):
    """Elementwise sign: -1, 0 or 1; of NaN 0, and of bools what they are.

    Formula:   out = sign(input)
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.sign(torch.tensor([-2., 0., 3.]))
    tensor([-1.,  0.,  1.])
    """

    @staticmethod
    @natively("sign")
    def forward(xp: Any, input: Array) -> Array:
        """Of NaN zero, as of what is neither above nor below."""
        if input.dtype.kind == "b":
            return input.copy()
        nothing = zero(xp, input.dtype)
        above, below = (input > nothing), (input < nothing)
        return xp.subtract(above.view(xp.int8), below.view(xp.int8)).astype(input.dtype)

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat on both sides."""
        return F.blank(g, shape)


@register(domain=[reals(-3, 3)], dtypes=(*NUMBERS, "bool"), inplace=True, inplace_in=("torch",))
class Square(Unary):
    """Elementwise square; of bools as int64.

    Formula:   out = input ** 2
    Gradient:  2 * g * input

    >>> import minigrad as torch
    >>> torch.square(torch.tensor([1., -2.]))
    tensor([1., 4.])
    """

    grad_fn = "PowBackward0"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The product with itself."""
        return xp.square(input.astype(xp.int64) if input.dtype.kind == "b" else input)

    @staticmethod
    def grad_input(g: Array, input: Array) -> Array:
        """Twice the input."""
        return g * (2 * input)


@register(domain=[reals(0.4, 3)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Reciprocal(Unary):
    """Elementwise reciprocal.

    Formula:   out = 1 / input
    Gradient:  -g * out ** 2

    >>> import minigrad as torch
    >>> torch.reciprocal(torch.tensor([2., -4.]))
    tensor([ 0.5000, -0.2500])
    """

    promotes = "float"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """One over the input."""
        return 1 / input

    @staticmethod
    def grad_input(g: Array, out: Array) -> Array:
        """The output already holds all that is needed."""
        return -g * (out * out)


@register(domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Exp(Unary):
    """Elementwise exponential.

    Formula:   out = e ** input
    Gradient:  g * out

    >>> import minigrad as torch
    >>> torch.exp(torch.tensor([0., 1.]))
    tensor([1.0000, 2.7183])
    """

    ufunc = "exp"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, out: Array) -> Array:
        """Its own derivative."""
        return g * out


@register(
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("special_exp2",),
)
class Exp2(Unary):
    """Elementwise power of 2.

    Formula:   out = 2 ** input
    Gradient:  g * out * log(2)

    >>> import minigrad as torch
    >>> torch.exp2(torch.tensor([0., 3.]))
    tensor([1., 8.])
    """

    ufunc = "exp2"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, out: Array) -> Array:
        """Its own derivative, scaled to the base."""
        return g * (out * math.log(2))


@register(
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("special_expm1",),
)
class Expm1(Unary):
    """Elementwise ``e ** input - 1``, exact for small inputs.

    Formula:   out = e ** input - 1
    Gradient:  g * (out + 1)

    >>> import minigrad as torch
    >>> torch.expm1(torch.tensor([0., 1.]))
    tensor([0.0000, 1.7183])
    """

    ufunc = "expm1"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, out: Array) -> Array:
        """The exponential, from the output."""
        return g * (out + 1)


@register(domain=[reals(0.3, 4)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Log(Unary):
    """Elementwise natural logarithm; -inf at 0, NaN below.

    Formula:   out = log(input)
    Gradient:  g / input

    >>> import minigrad as torch
    >>> torch.log(torch.tensor([1., 10.]))
    tensor([0.0000, 2.3026])
    """

    ufunc = "log"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array) -> Array:
        """One over the input."""
        return g / input


@register(domain=[reals(0.3, 4)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Log2(Unary):
    """Elementwise logarithm to base 2.

    Formula:   out = log2(input)
    Gradient:  g / (input * log(2))

    >>> import minigrad as torch
    >>> torch.log2(torch.tensor([1., 8.]))
    tensor([0., 3.])
    """

    ufunc = "log2"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array) -> Array:
        """One over the input, scaled to the base."""
        return g / (input * math.log(2))


@register(domain=[reals(0.3, 4)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Log10(Unary):
    """Elementwise logarithm to base 10.

    Formula:   out = log10(input)
    Gradient:  g / (input * log(10))

    >>> import minigrad as torch
    >>> torch.log10(torch.tensor([1., 10.]))
    tensor([0., 1.])
    """

    ufunc = "log10"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array) -> Array:
        """One over the input, scaled to the base."""
        return g / (input * math.log(10))


@register(
    domain=[reals(-0.5, 3)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("special_log1p",),
)
class Log1p(Unary):
    """Elementwise ``log(1 + input)``, exact for small inputs.

    Formula:   out = log(1 + input)
    Gradient:  g / (input + 1)

    >>> import minigrad as torch
    >>> torch.log1p(torch.tensor([0., 1.]))
    tensor([0.0000, 0.6931])
    """

    ufunc = "log1p"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array) -> Array:
        """One over one more than the input."""
        return g / (input + 1)


@register(domain=[reals(0.2, 4)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Sqrt(Unary):
    """Elementwise square root.

    Formula:   out = sqrt(input)
    Gradient:  g / (2 * out)

    >>> import minigrad as torch
    >>> torch.sqrt(torch.tensor([4., 2.]))
    tensor([2.0000, 1.4142])
    """

    ufunc = "sqrt"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, out: Array) -> Array:
        """Half of one over the root."""
        return g / (2 * out)


@register(domain=[reals(0.2, 4)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Rsqrt(Unary):
    """Elementwise reciprocal of the square root.

    Formula:   out = 1 / sqrt(input)
    Gradient:  -g / 2 * out ** 3

    >>> import minigrad as torch
    >>> torch.rsqrt(torch.tensor([4., 1.]))
    tensor([0.5000, 1.0000])
    """

    promotes = "float"

    @staticmethod
    @widened
    @natively("rsqrt")
    def forward(xp: Any, input: Array) -> Array:
        """One over the root, in the root's memory."""
        root = xp.sqrt(input)
        return xp.divide(1, root, out=root) if root.ndim else 1 / root

    @staticmethod
    def grad_input(g: Array, out: Array) -> Array:
        """From the output alone."""
        return (-0.5 * g) * (out * out * out)
