"""What a number is made of: angle, mantissa and exponent, the real part, which is all of it."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from minigrad.autograd.op import Op, Unary, tensors
from minigrad.autograd.registry import T, call, function, integers, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, xp_of
from minigrad.ops.elementwise.masks import gate
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively
from minigrad.return_types import named

NUMBERS = ("float", "int")
SAME: dict[str, Any] = {
    "samples": (call(T(2, 3)), call(T())),
    "dtypes": NUMBERS,
    "torch": None,
}


def _need_tensors(name: str, **given: Any) -> None:
    """Raise torch's error for an argument that is no Tensor."""
    for position, (argument, value) in enumerate(given.items()):
        if not isinstance(value, TensorBase):
            raise TypeError(
                f"{name}(): argument '{argument}' (position {position + 1}) must be Tensor, "
                f"not {type(value).__name__}"
            )


def _same(name: str, doc: str, **facts: Any) -> None:
    """A function that gives a real tensor back as it is."""

    def itself(input: Any) -> Any:
        _need_tensors(name, input=input)
        return input

    itself.__name__ = itself.__qualname__ = name
    itself.__doc__ = f"""{doc}

    >>> import minigrad as torch
    >>> x = torch.tensor([1., -2.]); torch.{name}(x) is x
    True
    """
    function(**{**SAME, "torch": name, **facts})(itself)


_same(
    "real",
    "The real part: the tensor itself, as minigrad has real types only.",
    where=("torch",),
)
_same("conj", "The complex conjugate: the tensor itself, as minigrad has real types only.")
_same("resolve_conj", "The tensor itself: no conjugate waits to be worked out.")
_same("resolve_neg", "The tensor itself: no negative waits to be worked out.")
_same(
    "conj_physical",
    "The complex conjugate: the tensor itself, as minigrad has real types only.",
    inplace=True,
    inplace_in=("torch",),
    out=True,
)


@function(samples=(call(T(2, 3)), call(T())), dtypes=NUMBERS, dunder=("__pos__",))
def positive(input: Any) -> Any:
    """The tensor itself, as ``+x`` gives it; not of bools.

    >>> import minigrad as torch
    >>> +torch.tensor([1., -2.])
    tensor([ 1., -2.])
    """
    if input._array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@function(samples=(call(T(2, 3)), call(T())), dtypes=(*NUMBERS, "bool"), gradcheck=False)
def isreal(input: Any) -> Any:
    """Elementwise "is real": True everywhere, as minigrad has real types only.

    >>> import minigrad as torch
    >>> torch.isreal(torch.tensor([1., -2.]))
    tensor([True, True])
    """
    return tensors.from_array(xp_of(input._array).ones(input._array.shape, bool))


@function(samples=(call(T(2, 3)),), gradcheck=False, returns="bool")
def is_conj(input: Any) -> bool:
    """Whether a conjugate waits to be worked out: never, as minigrad has real types only.

    >>> import minigrad as torch
    >>> torch.is_conj(torch.ones(2))
    False
    """
    return False


@function(samples=(call(T(2, 3)),), gradcheck=False, returns="bool")
def is_neg(input: Any) -> bool:
    """Whether a negative waits to be worked out: never, each is worked out at once.

    >>> import minigrad as torch
    >>> torch.is_neg(-torch.ones(2))
    False
    """
    return False


@register(domain=[reals(-3, 3, avoid=[0])], dtypes=NUMBERS)
class Angle(Unary):
    """Elementwise angle of a real number: pi below zero, else 0.

    Formula:   out = pi if input < 0 else 0
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.angle(torch.tensor([-1., 0., 2.]))
    tensor([3.1416, 0.0000, 0.0000])
    """

    promotes = "float"

    @staticmethod
    @natively("angle")
    def forward(xp: Any, input: Array) -> Array:
        """Of NaN NaN."""
        turned = (input < 0) * xp.asarray(math.pi, dtype=input.dtype)
        missing = input != input
        return xp.where(missing, input, turned) if missing.any() else turned

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat on both sides."""
        return F.blank(g, shape)


FREXP = named("frexp", "mantissa", "exponent")


def _frexp(input: Any) -> Any:
    if not input.is_floating_point():
        raise RuntimeError(
            f"torch.frexp() only supports floating-point dtypes, got {input.dtype}; use .float()"
        )
    return FREXP(tensors.frexp(input))


@register(
    public=_frexp,
    out=True,
    domain=[reals(0.6, 0.9)],
    samples=(call(T(2, 3)), call(T(5)), call(T()), call(T(0, 3))),
    returns="Any",
)
class Frexp(Op):
    """Elementwise mantissa, from a half to 1, and exponent of 2.

    Formula:   input = mantissa * 2 ** exponent
    Gradient:  g / 2 ** exponent

    >>> import minigrad as torch
    >>> torch.frexp(torch.tensor([3., -0.25])).exponent
    tensor([ 2, -1], dtype=torch.int32)
    """

    outputs = 2
    keeps = ("scale",)

    @staticmethod
    def forward(xp: Any, input: Array) -> Any:
        """And the factor that leads from the input to the mantissa."""
        wide = input if input.dtype.itemsize > 2 else input.astype(xp.float32)
        mantissa, exponent = xp.frexp(wide)
        scale = xp.ldexp(xp.ones((), wide.dtype), -exponent)
        dtype = input.dtype
        return mantissa.astype(dtype), exponent.astype(xp.int32), scale.astype(dtype)

    @staticmethod
    def grad_input(g: Any, scale: Array) -> Array:
        """Between the jumps the mantissa is the input, scaled."""
        return g[0] * scale


@function(
    out=True,
    domain=[reals(-2, 2), integers(0, 3)],  # torch's gradient is zero below
    dtypes=NUMBERS,
    samples=(call(T(2, 3), T(2, 3)), call(T(2, 3), T(3)), call(T(3), T(3, domain=reals(-2, 2)))),
    errors=(call(T(3), T(4)), call(T(3), 2.0)),
    inplace=True,
    inplace_in=("torch",),
)
def ldexp(input: Any, other: Any) -> Any:
    """Elementwise product with a power of 2.

    Formula:   out = input * 2 ** other

    >>> import minigrad as torch
    >>> torch.ldexp(torch.tensor([1., 3.]), torch.tensor([2, -1]))
    tensor([4.0000, 1.5000])
    """
    _need_tensors("ldexp", input=input, other=other)
    if input.is_floating_point() and not other.is_floating_point():
        return tensors.scale_by_two(input, other)
    return tensors.mul(input, tensors.pow(2.0, other))


@register("scale_by_two", internal=True)
class ScaleByTwo(Op):
    """Elementwise ``input * 2 ** power``, without the power as a number on its own."""

    grad_fn = "LdexpBackward0"
    broadcasts = True

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, power: Array) -> Array:
        """Add to the exponent."""
        if power.dtype.kind == "b":
            raise NotImplementedError(
                "\"ldexp_cpu\" not implemented for 'Bool'; convert it with .to()"
            )
        return xp.ldexp(input, power.astype(xp.int32))

    @staticmethod
    def grad_input(g: Array, power: Array, F: Any) -> Array:
        """Scaled alike."""
        return F.scale_by_two(g, power)


def _nan_to_num(
    input: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Any:
    return tensors.nan_to_num(input, nan, posinf, neginf)


@register(
    public=_nan_to_num,
    out=True,
    domain=[reals(-3, 3)],
    dtypes=(*NUMBERS, "bool"),
    samples=(call(T(2, 3)), call(T(3), nan=1.0), call(T(), 1.0, 2.0, -2.0)),
    inplace=True,
    inplace_in=("torch",),
)
class NanToNum(Op):
    """Elementwise number in place of NaN and infinities, by default the largest there are.

    Formula:   out = input where it is finite, else nan, posinf or neginf
    Gradient:  g where input is finite, else 0

    >>> import minigrad as torch
    >>> torch.nan_to_num(torch.tensor([torch.nan, torch.inf, 1.]), nan=0.5, posinf=9.)
    tensor([0.5000, 9.0000, 1.0000])
    """

    @staticmethod
    def forward(xp: Any, input: Array, nan: Any, posinf: Any, neginf: Any) -> Array:
        """Bools and integers are numbers already."""
        if input.dtype.kind not in "fV":
            return input.copy()
        most = float(ml_dtypes.finfo(input.dtype).max)  # type: ignore[no-untyped-call]
        return _numbers(
            xp,
            input,
            0.0 if nan is None else nan,
            most if posinf is None else posinf,
            -most if neginf is None else neginf,
        )

    @staticmethod
    def grad_input(g: Array, input: Array) -> Array:
        """What was kept."""
        return gate(g, input - input == 0)


@widened
@natively("nan_to_num")
def _numbers(xp: Any, input: Array, nan: float, posinf: float, neginf: float) -> Array:
    if xp is np and np.isfinite(input).all():  # a card would have to be waited for
        return input.copy()
    return xp.nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)


def _real(input: Any) -> Any:
    """The real part: the tensor itself, as minigrad has real types only.

    >>> import minigrad as torch
    >>> x = torch.ones(2); x.real is x
    True
    """
    return input


@function(gradcheck=False, errors=(call(T(3)),), where=("torch",))
def imag(input: Any) -> Any:
    """The imaginary part, which real tensors do not have: always an error, as in torch.

    >>> import minigrad as torch
    >>> torch.imag(torch.ones(2))
    Traceback (most recent call last):
    RuntimeError: imag is not implemented for tensors with non-complex dtypes.
    """
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


for _name, _part in (("real", _real), ("imag", imag)):
    setattr(TensorBase, _name, property(_part))
