"""Activations made of straight pieces: cut, shrunk, or zero below a threshold."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Op, Unary
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError
from minigrad.ops.elementwise.masks import clipped, either, gate, kept, number, select
from minigrad.ops.elementwise.one_pass import one_pass, one_pass_back
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively

_F = ("nn.functional",)


def _hardtanh(
    input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Any:
    if min_val > max_val:
        raise ValueError(
            f"min_val cannot be greater than max_val (hardtanh got {min_val} and {max_val})"
        )
    return either(Hardtanh, inplace, input, min_val, max_val, kinds="fViub")


@register(
    public=_hardtanh,
    torch="nn.functional.hardtanh",
    where=_F,
    domain=(reals(-3, 3, avoid=(-1.0, 1.0, -0.5, 2.0)),),
    samples=(call(T(2, 3)), call(T(5), -0.5, 2.0)),
    errors=(call(T(3), 1.0, -1.0),),
    inplace_in=_F,
)
class Hardtanh(Op):
    """The input, cut off at both sides.

    Formula: y = min(max(x, a), b). Gradient: gx = g where a < x < b, else 0 (at the edges too).

    Shape: any, unchanged.
    Dtypes: floats and integers.
    Raises: ValueError if a > b, RuntimeError for bools and for an unsigned type with a < 0.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardtanh.html

    >>> import minigrad as torch
    >>> torch.nn.functional.hardtanh(torch.tensor([-2., 0.5, 3.]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, min_val: float, max_val: float) -> Array:
        """NaN stays NaN."""
        kind = input.dtype
        if kind.kind == "b":
            raise DtypeError("Bool inputs not supported for hardtanh")
        if kind.kind == "u" and (min_val < 0 or max_val < 0):
            raise DtypeError("cannot do hardtanh on an unsigned type with negative limits")
        found = one_pass("hardtanh", input, min_val, max_val)
        return clipped(xp, input, min_val, max_val) if found is None else found

    @staticmethod
    def grad_input(g: Any, input: Any, min_val: float, max_val: float) -> Any:
        """Inside only."""
        found = one_pass_back("hardtanh", g, input, min_val, max_val)
        if found is not None:
            return found
        return gate(g, ~((input <= min_val) | (input >= max_val)))


@function(
    where=_F,
    torch="nn.functional.relu6",
    domain=(reals(-3, 8, avoid=(0.0, 6.0)),),
    dtypes=("float", "int"),
    samples=(call(T(2, 3)),),
)
def relu6(input: Any, inplace: bool = False) -> Any:
    """The positive part, cut off at 6.   y = min(max(x, 0), 6)    gx = g where 0 < x < 6.

    Shape: any, unchanged.
    Dtypes: floats and integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu6.html

    >>> import minigrad as torch
    >>> torch.nn.functional.relu6(torch.tensor([-2., 0.5, 7.]))
    tensor([0.0000, 0.5000, 6.0000])
    """
    return _hardtanh(input, 0.0, 6.0, inplace)


@register(
    public=lambda input, inplace=False: either(Hardsigmoid, inplace, input),
    torch="nn.functional.hardsigmoid",
    where=_F,
    domain=(reals(-5, 5, avoid=(-3.0, 3.0)),),
    orders=1,
)
class Hardsigmoid(Unary):
    """A sigmoid of three straight lines.

    Formula: y = min(max(x + 3, 0), 6) / 6. Gradient: gx = g / 6 where -3 < x < 3, else 0.

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardsigmoid.html

    >>> import minigrad as torch
    >>> torch.nn.functional.hardsigmoid(torch.tensor([-4., 0., 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    @staticmethod
    @widened
    @natively("hardsigmoid")
    def forward(xp: Any, input: Array) -> Array:
        """Shift, cut, scale."""
        y = _cut(xp, input)
        y /= number(xp, 6, input.dtype)
        return y

    @staticmethod
    @natively("hardsigmoid_backward")
    def grad_input(g: Any, input: Any) -> Any:
        """The middle line's slope."""
        return gate(g, (input > -3) & (input < 3)) / 6


def _cut(xp: Any, x: Array) -> Array:
    """min(max(x + 3, 0), 6), in memory of its own."""
    y = xp.add(x, number(xp, 3, x.dtype))
    return clipped(xp, y, 0, 6, out=y if x.ndim else None)


@register(
    public=lambda input, inplace=False: either(Hardswish, inplace, input),
    torch="nn.functional.hardswish",
    where=_F,
    domain=(reals(-5, 5, avoid=(-3.0, 3.0)),),
)
class Hardswish(Unary):
    """x times its hard sigmoid.

    Formula: y = x min(max(x + 3, 0), 6) / 6. Gradient: gx = 0 up to -3, g (x / 3 + 1/2) up to 3,
    g from there.

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardswish.html

    >>> import minigrad as torch
    >>> torch.nn.functional.hardswish(torch.tensor([-4., 0., 1.5]))
    tensor([-0.0000, 0.0000, 1.1250])
    """

    @staticmethod
    @widened
    @natively("hardswish")
    def forward(xp: Any, input: Array) -> Array:
        """As the formula has it."""
        y = _cut(xp, input)
        y *= input
        y /= number(xp, 6, input.dtype)
        return y

    @staticmethod
    @natively("hardswish_backward")
    def grad_input(g: Any, input: Any) -> Any:
        """Three pieces, the first of them 0."""
        inside = (input > -3) & (input < 3)
        slope = gate(input, inside) / 3 + 0.5
        return gate(g, ~(input < 3)) + gate(g, inside) * slope


@register(
    public=lambda input, threshold, value, inplace=False: either(
        Threshold, inplace, input, threshold, value, kinds="fViu"
    ),
    torch="nn.functional.threshold",
    where=("torch", "nn.functional"),
    domain=(reals(-3, 3, avoid=(0.5,)),),
    dtypes=("float", "int"),
    samples=(call(T(2, 3), 0.5, 20.0), call(T(5), 0.5, 0.0)),
    inplace_in=("torch", "nn.functional"),
)
class Threshold(Op):
    """The input above a threshold, a value below.

    Formula: y = x where x > threshold, else value. Gradient: gx = g there, else 0.

    Shape: any, unchanged.
    Dtypes: floats, and integers, for which threshold and value are truncated.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.threshold.html

    >>> import minigrad as torch
    >>> torch.nn.functional.threshold(torch.tensor([0.1, 0.5, 2.]), 0.5, 9.)
    tensor([9., 9., 2.])
    """

    @staticmethod
    @natively("threshold")
    def forward(xp: Any, input: Array, threshold: float, value: float) -> Array:
        """NaN stays NaN."""
        stays = ~(input <= number(xp, threshold, input.dtype))
        if value == 0:
            return kept(xp, input, stays)
        return select(xp, stays, input, number(xp, value, input.dtype))

    @staticmethod
    @natively("threshold_backward")
    def grad_input(g: Any, input: Any, threshold: float) -> Any:
        """Where the input came through."""
        return gate(g, ~(input <= threshold))


def _softshrink(input: Any, lambd: float = 0.5) -> Any:
    if not lambd >= 0:
        kind = of_numpy(input._array.dtype)
        raise RuntimeError(
            f"lambda must be greater or equal to 0, but found {lambd} (softshrink of {kind!r})"
        )
    return either(Softshrink, False, input, lambd)


SHRINK: dict[str, Any] = {
    "domain": (reals(-3, 3, avoid=(-0.5, 0.5, -1.0, 1.0)),),
    "samples": (call(T(2, 3)), call(T(5), 1.0)),
}


@register(
    public=_softshrink,
    torch="nn.functional.softshrink",
    where=_F,
    errors=(call(T(3), -1.0),),
    out=True,
    **SHRINK,
)
class Softshrink(Op):
    """The input moved towards 0, and 0 in between.

    Formula: y = x - λ where x > λ, x + λ where x < -λ, else 0. Gradient: gx = g outside, else 0.

    Shape: any, unchanged.
    Raises: RuntimeError for a negative λ.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softshrink.html

    >>> import minigrad as torch
    >>> torch.nn.functional.softshrink(torch.tensor([-2., 0.5, 3.]))
    tensor([-1.5000,  0.0000,  2.5000])
    """

    @staticmethod
    @widened
    @natively("softshrink")
    def forward(xp: Any, input: Array, lambd: float) -> Array:
        """The input less what a clip keeps of it; a zero has the sign of the input."""
        y = clipped(xp, input, -lambd, lambd)
        y = xp.subtract(input, y, out=y if input.ndim else None)
        return xp.copysign(y, input, out=y if input.ndim else None)

    @staticmethod
    @natively("shrink_backward")
    def grad_input(g: Any, input: Any, lambd: float) -> Any:
        """Outside only."""
        return gate(g, ~((input >= -lambd) & (input <= lambd)))


@register(
    public=lambda input, lambd=0.5: either(Hardshrink, False, input, lambd),
    torch="nn.functional.hardshrink",
    where=("torch", "Tensor", "nn.functional"),
    out=True,
    **SHRINK,
)
class Hardshrink(Op):
    """The input outside of [-λ, λ], 0 inside.

    Formula: y = x where |x| > λ, else 0. Gradient: gx = g there, else 0.

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardshrink.html

    >>> import minigrad as torch
    >>> torch.nn.functional.hardshrink(torch.tensor([-2., 0.5, 3.]))
    tensor([-2.,  0.,  3.])
    """

    @staticmethod
    @natively("hardshrink")
    def forward(xp: Any, input: Array, lambd: float = 0.5) -> Array:
        """NaN stays NaN."""
        return kept(xp, input, ~((input >= -lambd) & (input <= lambd)))

    @staticmethod
    @natively("shrink_backward")
    def grad_input(g: Any, input: Any, lambd: float) -> Any:
        """Outside only."""
        return gate(g, ~((input >= -lambd) & (input <= lambd)))
