"""Variance and standard deviation."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, into, register
from minigrad.backend import Array
from minigrad.ops.dims import all_dims
from minigrad.ops.reduce import ERRORS, count_of, given_dim, need_float, spread


def _spread_facts(name: str) -> dict[str, Any]:
    return {
        "samples": (
            call(T(2, 3)),
            call(T(2, 3), dim=1),
            call(T(2, 3, 4), dim=(0, 2), correction=0),
            call(T(2, 3, 4), dim=-2, keepdim=True),
            call(T(5), unbiased=False),
        ),
        "errors": ERRORS,
    }


def _moments(op: type[Op]) -> Any:
    """The public form that ``var`` and ``std`` share."""

    def moment(
        input: Any,
        dim: Any = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
        axis: Any = None,
        out: Any = None,
    ) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        need_float(op.__name__.lower(), input)
        if correction is None:
            correction = 1 if unbiased is None else int(unbiased)
        dims = all_dims(given_dim(dim, axis), input._array.ndim)
        result = apply(op, (input,), (dims, correction, keepdim))
        return result if out is None else into(out, result)

    return moment


class Var(Op):
    """Variance of all elements, or along axes; ``correction=1`` divides by n - 1.

    Formula:   out = sum_i (input_i - mean) ** 2 / (n - correction)
    Gradient:  g * 2 / (n - correction) * (input - mean)

    >>> import minigrad as torch
    >>> torch.var(torch.tensor([1., 2., 3., 4.])), torch.var(torch.tensor([1., 3.]), unbiased=False)
    (tensor(1.6667), tensor(1.))
    """

    grad_fn = "VarBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any, correction: float, keepdim: bool) -> Array:
        """Two passes: the mean, then the squares of what is left."""
        centred = input - input.mean(axis=dim, keepdims=True)
        degrees = max(count_of(input.shape, dim) - correction, 0)
        total = (centred * centred).sum(axis=dim, keepdims=keepdim)
        return total / xp.asarray(degrees, dtype=input.dtype)

    @staticmethod
    def grad_input(
        g: Array, input: Array, shape: Any, dim: Any, correction: float, keepdim: bool, F: Any
    ) -> Array:
        """The mean's own share cancels out."""
        centred = input - F.mean(input, dim, True)
        scale = 2 / (count_of(shape, dim) - correction)
        return spread(g, shape, dim, keepdim, F) * (scale * centred)


register(public=_moments(Var), **_spread_facts("var"))(Var)


class Std(Op):
    """Standard deviation of all elements, or along axes; the root of :func:`var`.

    Formula:   out = sqrt(var(input))
    Gradient:  g / (2 * out) times that of the variance, zero where out is zero

    >>> import minigrad as torch
    >>> torch.std(torch.tensor([1., 2., 3., 4.]))
    tensor(1.2910)
    """

    grad_fn = "StdBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any, correction: float, keepdim: bool) -> Array:
        """The root of the variance."""
        return xp.sqrt(Var.forward(xp, input, dim, correction, keepdim))

    @staticmethod
    def grad_input(
        g: Array,
        input: Array,
        out: Array,
        shape: Any,
        dim: Any,
        correction: float,
        keepdim: bool,
        F: Any,
    ) -> Array:
        """Through the root, then through the variance."""
        inner = F.where(out == 0, 0.0, g / (2 * out))
        return Var.grad_input(inner, input, shape, dim, correction, keepdim, F)


register(public=_moments(Std), **_spread_facts("std"))(Std)
