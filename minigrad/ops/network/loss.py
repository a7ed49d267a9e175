"""Losses of regression and of yes-or-no decisions."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.backend.native import pointwise
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.elementwise.masks import clipped, number
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.network.loss_reduction import (
    legacy,
    reduced,
    reduced_tensor,
    same_shape,
    share,
    written_in,
)

_F = ("nn.functional",)
_PAIRS = (
    call(T(2, 3), T(2, 3)),
    call(T(2, 3), T(2, 3), reduction="sum"),
    call(T(2, 3), T(2, 3), reduction="none"),
    call(T(), T()),
)
_PAIR_ERRORS = (call(T(2, 3), T(2, 3), reduction="average"),)


def of_difference(cls: Any) -> Any:
    """Complete an op from a loss of d = x - t alone, and its slope, an odd function of d.

    The class says ``loss(xp, d, bend)``, which may overwrite d, ``slope(d, bend, F)``, and which
    ``kernel`` does the former of x and t, and of the bend if there is one.
    """

    def forward(xp: Any, input: Array, target: Array, reduction: str, bend: float) -> Array:
        found = pointwise(cls.kernel, input, target, *((bend,) if bend else ()))
        return reduced(cls.loss(xp, input - target, bend) if found is None else found, reduction)

    def vjp(
        g: Any, input: Any, target: Any, reduction: str, bend: float, needs: Any, F: Any
    ) -> Any:
        slope = cls.slope(input - target, bend, F) * share(g, input.shape, reduction)
        return slope if needs[0] else None, -slope if needs[1] else None

    cls.forward, cls.vjp = staticmethod(widened(forward)), staticmethod(vjp)
    return register(internal=True)(cls)


class _OfDifference(Op):
    promotes = "common"


@of_difference
class MseLoss(_OfDifference):
    """Squared differences.   l = d²    gx = 2 g d."""

    kernel = "squared_difference"

    @staticmethod
    def loss(xp: Any, d: Array, bend: float) -> Array:
        """In place."""
        return d * d if not d.ndim else xp.multiply(d, d, out=d)

    @staticmethod
    def slope(d: Any, bend: float, F: Any) -> Any:
        """Twice the difference."""
        return d * 2


_LAST = {"mean": "MeanBackward0", "sum": "SumBackward0"}  # of torch's ops for `l1_loss`


@of_difference
class L1Loss(_OfDifference):
    """Absolute differences.   l = |d|    gx = g sign(d)."""

    kernel = "distance"
    grad_fn = staticmethod(lambda reduction, bend: _LAST.get(reduction, "AbsBackward0"))

    @staticmethod
    def loss(xp: Any, d: Array, bend: float) -> Array:
        """In place."""
        return xp.abs(d, out=d if d.ndim else None)

    @staticmethod
    def slope(d: Any, bend: float, F: Any) -> Any:
        """The direction of the difference."""
        return F.sign(d)


@of_difference
class HuberLoss(_OfDifference):
    """l = d² / 2 where |d| < δ, δ (|d| - δ/2) elsewhere.   gx = g clamp(d, -δ, δ)."""

    kernel = "huber"

    @staticmethod
    def loss(xp: Any, d: Array, bend: float) -> Array:
        """A parabola that goes over into two lines: c (|d| - c / 2), c = min(|d|, δ)."""
        into = d if d.ndim else None
        d = xp.abs(d, out=into)
        inside = clipped(xp, d, 0, bend)
        d = xp.subtract(xp.add(d, d, out=into), inside, out=into)
        d = xp.multiply(d, inside, out=into)
        return xp.multiply(d, number(xp, 0.5, d.dtype), out=into)

    @staticmethod
    def slope(d: Any, bend: float, F: Any) -> Any:
        """The difference, cut off at ±δ."""
        return F.clamp(d, -bend, bend)


@of_difference
class SmoothL1Loss(_OfDifference):
    """Huber's loss over β.   gx = g clamp(d / β, -1, 1)."""

    kernel = "smooth_l1"

    @staticmethod
    def loss(xp: Any, d: Array, bend: float) -> Array:
        """The same parabola and lines."""
        d = HuberLoss.loss(xp, d, bend)
        return xp.divide(d, bend, out=d if d.ndim else None)

    @staticmethod
    def slope(d: Any, bend: float, F: Any) -> Any:
        """The difference over β, cut off at ±1."""
        return F.clamp(d / bend, -1.0, 1.0)


def _pair_loss(
    op: str, input: Any, target: Any, reduction: str, bend: float = 0.0, weight: Any = None,
    over: str = "weights",
) -> Any:  # fmt: skip
    """One of the losses above, of tensors that are broadcast with a warning, and weighted.

    A weighted mean is ``over`` the weights, or the elements.
    """
    input, target = same_shape(op, input, target)
    if input._array.dtype.kind not in "fV" and target._array.dtype.kind not in "fV":
        kernel, kind = op.removesuffix("_loss"), of_numpy(input._array.dtype).type_name
        raise NotImplementedError(f"\"{kernel}_cpu\" not implemented for '{kind}'; use x.float()")
    run = getattr(tensors, op)
    if weight is None:
        return run(input, target, reduction, bend)
    if weight._array.shape != input._array.shape:
        raise ValueError(
            f"Weights and input must have the same size, got {weight.shape} and {input.shape}"
        )
    terms = run(input, target, "none", bend) * weight
    if reduction == "mean" and over == "weights":
        return terms.sum() / weight.sum()
    return reduced_tensor(terms, reduction)


@function(
    where=_F,
    torch="nn.functional.mse_loss",
    samples=(*_PAIRS, call(T(2, 3), T(2, 3), weight=T(2, 3, domain=reals(0.1, 2)))),
    errors=_PAIR_ERRORS,
)
def mse_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Mean squared error.

    Formula: l = (x - t)², averaged, summed or neither. Gradient: gx = 2 g (x - t) / n, gt = -gx.

    Shape: any two equal shapes -> () or, for ``reduction='none'``, that shape. Different shapes are
    broadcast with a warning.
    Raises: RuntimeError if they can't be, ValueError for an unknown reduction.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html

    >>> import minigrad as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1., 2.]), torch.tensor([1., 4.]))
    tensor(2.)
    """
    reduction = legacy("mse_loss", size_average, reduce, reduction)
    return _pair_loss("mse_loss", input, target, reduction, weight=weight)


@function(
    where=_F,
    torch="nn.functional.l1_loss",
    domain=(reals(-3, -0.5), reals(0.5, 3)),
    samples=(*_PAIRS, call(T(2, 3), T(2, 3), weight=T(2, 3, domain=reals(0.1, 2)))),
    errors=_PAIR_ERRORS,
)
def l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Mean absolute error.

    Formula: l = |x - t|, averaged, summed or neither. Gradient: gx = g sign(x - t) / n, gt = -gx.

    Shape: as :func:`mse_loss`.
    Raises: as :func:`mse_loss`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.l1_loss.html

    >>> import minigrad as torch
    >>> torch.nn.functional.l1_loss(torch.tensor([1., 2.]), torch.tensor([1., 4.]))
    tensor(1.)
    """
    reduction = legacy("l1_loss", size_average, reduce, reduction)
    kinds = {t._array.dtype.kind for t in (input, target)}
    if "b" in kinds or not kinds & {"f", "V"}:  # refused, or integers, exactly
        return reduced_tensor((input - target).abs(), reduction)
    return _pair_loss("l1_loss", input, target, reduction, weight=weight)


@function(
    where=_F,
    torch="nn.functional.smooth_l1_loss",
    domain=(reals(-3, 3), reals(-0.4, 0.4)),
    samples=(*_PAIRS, call(T(2, 3), T(2, 3), beta=2.0)),
    errors=(*_PAIR_ERRORS, call(T(2, 3), T(2, 3), beta=-1.0)),
)
def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """Absolute error with a round bottom.

    Formula: l = d² / 2β where |d| < β, |d| - β/2 elsewhere; d = x - t.
    Gradient: gx = g clamp(d / β, -1, 1) / n, gt = -gx.

    Shape: as :func:`mse_loss`.
    Raises: as :func:`mse_loss`; RuntimeError for a negative ``beta``.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.smooth_l1_loss.html

    >>> import minigrad as torch
    >>> torch.nn.functional.smooth_l1_loss(torch.tensor([1., 2.]), torch.tensor([1., 4.]))
    tensor(0.7500)
    """
    reduction = legacy("smooth_l1_loss", size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta (got {beta})")
    op = "smooth_l1_loss" if beta > 0 else "l1_loss"
    return _pair_loss(op, input, target, reduction, beta)


@function(
    where=_F,
    torch="nn.functional.huber_loss",
    domain=(reals(-3, 3), reals(-0.4, 0.4)),
    samples=(*_PAIRS, call(T(2, 3), T(2, 3), delta=2.0)),
    errors=(*_PAIR_ERRORS, call(T(2, 3), T(2, 3), delta=0.0)),
)
def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Any:
    """Squared error that goes on in a straight line.

    Formula: l = d² / 2 where |d| < δ, δ (|d| - δ/2) elsewhere; d = x - t.
    Gradient: gx = g clamp(d, -δ, δ) / n, gt = -gx.

    Shape: as :func:`mse_loss`.
    Raises: as :func:`mse_loss`; RuntimeError unless ``delta`` is positive.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html

    >>> import minigrad as torch
    >>> torch.nn.functional.huber_loss(torch.tensor([1., 2.]), torch.tensor([1., 4.]))
    tensor(0.7500)
    """
    reduction = legacy("huber_loss", None, None, reduction)
    if delta <= 0:
        raise RuntimeError(
            f"huber_loss does not support non-positive values for delta (got {delta})"
        )
    if input._array.dtype != target._array.dtype:
        (target,) = written_in(input, target)
    return _pair_loss("huber_loss", input, target, reduction, delta, weight, "elements")


def check_pair(op: str, input: Any, target: Any) -> None:
    """Raise torch's errors unless input and target are float tensors of one shape."""
    for name, value in (("input", input), ("target", target)):
        if not isinstance(value, TensorBase):
            raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")
    if input._array.shape != target._array.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
            if op == "binary_cross_entropy_with_logits"
            else f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )


def check_weight(op: str, weight: Any, shape: tuple[int, ...]) -> None:
    """Raise torch's error for a weight that does not broadcast to the losses."""
    if weight is None:
        return
    sizes = weight._array.shape
    fits = len(sizes) <= len(shape) and all(
        a in (1, b) for a, b in zip(reversed(sizes), reversed(shape), strict=False)
    )
    if not fits:
        raise ShapeError(f"{op}: weight of shape {list(sizes)} doesn't broadcast to {list(shape)}")


def check_dtype(op: str, input: Any, *others: Any) -> None:
    """Raise torch's error for tensors of another dtype than the input."""
    for other in others:
        if other is not None and other._array.dtype != input._array.dtype:
            one, two = (of_numpy(t._array.dtype).type_name for t in (other, input))
            raise DtypeError(f"Found dtype {one} but expected {two} ({op})")
