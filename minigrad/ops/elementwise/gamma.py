"""The gamma function and its relatives: logarithm, derivatives, incomplete integrals, zeta."""

from __future__ import annotations

import math
from operator import index
from typing import Any

from minigrad.autograd.op import Binary, Op, Unary, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, scientific
from minigrad.ops.elementwise.precision import no_derivative, of_scipy_two, widened
from minigrad.ops.natively import natively

NUMBERS = ("float", "int")


@register(domain=[reals(0.5, 4)], dtypes=NUMBERS, inplace=True, aliases=("special_gammaln",))
class Lgamma(Unary):
    """Elementwise logarithm of the magnitude of the gamma function.

    Formula:   out = log(|gamma(input)|)
    Gradient:  g * digamma(input)

    >>> import minigrad as torch
    >>> torch.lgamma(torch.tensor([1., 5., 0.5]))
    tensor([0.0000, 3.1781, 0.5724])
    """

    promotes = "float"

    @staticmethod
    @widened
    @natively("lgamma")
    def forward(xp: Any, input: Array) -> Array:
        """Infinite at minus infinity as well."""
        out = scientific(xp, "special").gammaln(input)
        return xp.where(out == -xp.inf, xp.asarray(xp.inf, dtype=input.dtype), out)

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """That is what digamma is."""
        return g * F.digamma(input)


@register(
    domain=[reals(0.5, 4)],
    dtypes=NUMBERS,
    inplace=True,
    aliases=("special_digamma", "special_psi"),
)
class Digamma(Unary):
    """Elementwise derivative of the logarithm of the gamma function.

    Formula:   out = d/dx log(gamma(x)) at input
    Gradient:  g * polygamma(1, input)

    >>> import minigrad as torch
    >>> torch.digamma(torch.tensor([1., 2.]))
    tensor([-0.5772,  0.4228])
    """

    promotes = "float"

    @staticmethod
    @widened
    def forward(xp: Any, input: Array) -> Array:
        """At the poles below zero NaN, at zero an infinity of the other sign."""
        return scientific(xp, "special").psi(input)

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """The next one."""
        return g * F.polygamma(input, 1)


def _trigamma(xp: Any, x: Array) -> Array:
    """The derivative of digamma as torch has it: mirrored, shifted, an asymptotic series."""
    mirrored = x < 0.5
    wave = xp.sin(x * math.pi)
    start = xp.where(mirrored, (math.pi * math.pi) / (wave * wave), xp.zeros((), x.dtype))
    x = xp.where(mirrored, 1 - x, x)
    total = xp.zeros_like(x)
    for _ in range(6):
        total = total + 1 / (x * x)
        x = x + 1
    y = 1 / (x * x)
    total = total + (1 + 1 / (2 * x) + y * (1 / 6 - y * (1 / 30 - y * (1 / 42)))) / x
    return start + xp.where(mirrored, -total, total)


def _polygamma(n: Any, input: Any = None) -> Any:
    if isinstance(n, TensorBase):  # as a method: input.polygamma(n)
        n, input = input, n
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(
            f"polygamma(): argument 'n' (position 1) must be int, not {type(n).__name__}"
        )
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got {n}.")
    return tensors.polygamma(input, index(n))


@register(
    public=_polygamma,
    out=True,
    domain=[reals(0.6, 4)],
    dtypes=NUMBERS,
    samples=(call(0, T(3)), call(1, T(2, 3)), call(2, T(3)), call(3, T())),
    errors=(call(-1, T(3)), call(1.5, T(3))),
    inplace=True,
    aliases=("special_polygamma",),
)
class Polygamma(Op):
    """Elementwise derivative of order ``n`` of digamma.

    Formula:   out = d^n/dx^n digamma(x) at input
    Gradient:  g * polygamma(n + 1, input)

    >>> import minigrad as torch
    >>> torch.polygamma(1, torch.tensor([1., 2.]))
    tensor([1.6449, 0.6449])
    """

    promotes = "float"

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, n: int) -> Array:
        """By the zeta function."""
        special = scientific(xp, "special")
        if n == 0:
            return special.psi(input)
        if n == 1:
            return _trigamma(xp, input)
        order = xp.asarray(n + 1, dtype=input.dtype)
        return special.zeta(order, input) * ((-1.0) ** (n + 1) * math.factorial(n))

    @staticmethod
    def grad_input(g: Array, input: Array, n: int, F: Any) -> Array:
        """The next order."""
        return g * F.polygamma(input, n + 1)


@function(
    out=True,
    domain=[reals(2.5, 5)],
    dtypes=NUMBERS,
    samples=(call(T(2, 3), 1), call(T(3), 2), call(T(), 3)),
    errors=(call(T(3), 0),),
    inplace=True,
    aliases=("special_multigammaln",),
)
def mvlgamma(input: Any, p: int) -> Any:
    """Elementwise logarithm of the gamma function of ``p`` dimensions.

    Formula:   out = p * (p - 1) / 4 * log(pi) + sum of lgamma(input - i / 2) for i < p

    >>> import minigrad as torch
    >>> torch.mvlgamma(torch.tensor([2., 3.]), 2)
    tensor([0.4516, 1.5502])
    """
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got {p}")
    total = tensors.lgamma(input)
    for i in range(1, p):
        total = total + tensors.lgamma(input - i / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


INCOMPLETE: dict[str, Any] = {
    "domain": [reals(0.4, 3, moved=False), reals(0.4, 3)],
    "inplace": True,
    "errors": (call(T(3), T(4)), call(T(3), 2.0)),
}


def _density(g: Any, input: Any, other: Any, F: Any) -> Any:
    """The integrand of the incomplete gamma function at its end."""
    return g * F.exp((input - 1) * F.log(other) - other - F.lgamma(input))


@register(aliases=("special_gammainc",), **INCOMPLETE)
class Igamma(Binary):
    """Elementwise lower incomplete gamma function, from 0 to 1.

    Formula:   out = (integral of t ** (input - 1) * e ** -t from 0 to other) / gamma(input)
    Gradient:  of input not known; g * other ** (input - 1) * e ** -other / gamma(input) for other

    >>> import minigrad as torch
    >>> torch.igamma(torch.tensor([1., 4.]), torch.tensor([1., 4.]))
    tensor([0.6321, 0.5665])
    """

    kinds = "fV"
    numbers = ()
    forward = of_scipy_two("gammainc")

    grad_input = no_derivative("igamma: input")

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """What stands under the integral."""
        return _density(g, input, other, F)


@register(aliases=("special_gammaincc",), **INCOMPLETE)
class Igammac(Binary):
    """Elementwise upper incomplete gamma function, from 1 to 0.

    Formula:   out = 1 - igamma(input, other)
    Gradient:  of input not known; -g * other ** (input - 1) * e ** -other / gamma(input) for other

    >>> import minigrad as torch
    >>> torch.igammac(torch.tensor([1., 4.]), torch.tensor([1., 4.]))
    tensor([0.3679, 0.4335])
    """

    kinds = "fV"
    numbers = ()
    forward = of_scipy_two("gammaincc")

    grad_input = no_derivative("igammac: input")

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """What stands under the integral."""
        return -_density(g, input, other, F)


@register(
    "special_zeta",
    torch="special.zeta",
    domain=[reals(1.5, 4, moved=False), reals(1.5, 4)],
    dtypes=NUMBERS,
    samples=(call(T(2, 3), T(3)), call(2, T(3)), call(T(3), 2), call(T(), T(4))),
    errors=(call(T(3), T(4)), call(T(3), "text"), call(2, 3)),
)
class Zeta(Binary):
    """Elementwise Hurwitz zeta function.

    Formula:   out = sum of (k + other) ** -input for k = 0, 1, 2, ...
    Gradient:  of input not known; -g * input * zeta(input + 1, other) for other

    >>> import minigrad as torch
    >>> torch.special.zeta(torch.tensor([2., 4.]), torch.tensor([1., 1.]))
    tensor([1.6449, 1.0823])
    """

    promotes = "float"
    forward = of_scipy_two("zeta")

    grad_input = no_derivative("zeta")

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Term by term."""
        return g * (-input * F.special_zeta(input + 1, other))
