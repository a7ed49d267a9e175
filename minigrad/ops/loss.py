"""Losses of regression and of yes-or-no decisions."""

from __future__ import annotations

import warnings
from typing import Any

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.loss_reduction import legacy, reduced, reduced_tensor, same_shape, share

_F = ("nn.functional",)
_PAIRS = (
    call(T(2, 3), T(2, 3)),
    call(T(2, 3), T(2, 3), reduction="sum"),
    call(T(2, 3), T(2, 3), reduction="none"),
    call(T(), T()),
)
_PAIR_ERRORS = (call(T(2, 3), T(2, 3), reduction="average"),)


@register(internal=True)
class MseLoss(Op):
    """Squared differences.   l = (x - t)²    gx = 2 g (x - t), gt = -gx."""

    promotes = "common"

    @staticmethod
    def forward(xp: Any, input: Array, target: Array, reduction: str) -> Array:
        """One difference; the mean and the sum of squares are an inner product."""
        diff = input - target
        diff *= diff
        return reduced(diff, reduction)

    @staticmethod
    def grad_input(g: Any, input: Any, target: Any, shape: Any, reduction: str) -> Any:
        """Twice the difference."""
        return (input - target) * (share(g, shape, reduction) * 2)

    @staticmethod
    def grad_target(g: Any, input: Any, target: Any, shape: Any, reduction: str) -> Any:
        """The same with the other sign."""
        return (target - input) * (share(g, shape, reduction) * 2)


@register(internal=True)
class SmoothL1Loss(Op):
    """l = d² / 2β where |d| < β, |d| - β/2 elsewhere; d = x - t.   gx = g clamp(d / β, -1, 1)."""

    promotes = "common"

    @staticmethod
    def forward(xp: Any, input: Array, target: Array, reduction: str, beta: float) -> Array:
        """A parabola that goes over into two lines."""
        d = xp.abs(input - target)
        inside = xp.minimum(d, beta)
        return reduced(inside * (d - 0.5 * inside) / beta, reduction)

    @staticmethod
    def grad_input(
        g: Any, input: Any, target: Any, shape: Any, reduction: str, beta: float, F: Any
    ) -> Any:
        """The difference over β, cut off at ±1."""
        return F.clamp((input - target) / beta, -1.0, 1.0) * share(g, shape, reduction)

    @staticmethod
    def grad_target(
        g: Any, input: Any, target: Any, shape: Any, reduction: str, beta: float, F: Any
    ) -> Any:
        """The same with the other sign."""
        return F.clamp((target - input) / beta, -1.0, 1.0) * share(g, shape, reduction)


@register(internal=True)
class HuberLoss(Op):
    """l = d² / 2 where |d| < δ, δ (|d| - δ/2) elsewhere; d = x - t.   gx = g clamp(d, -δ, δ)."""

    promotes = "common"

    @staticmethod
    def forward(xp: Any, input: Array, target: Array, reduction: str, delta: float) -> Array:
        """A parabola that goes over into two lines."""
        d = xp.abs(input - target)
        inside = xp.minimum(d, delta)
        return reduced(inside * (d - 0.5 * inside), reduction)

    @staticmethod
    def grad_input(
        g: Any, input: Any, target: Any, shape: Any, reduction: str, delta: float, F: Any
    ) -> Any:
        """The difference, cut off at ±δ."""
        return F.clamp(input - target, -delta, delta) * share(g, shape, reduction)

    @staticmethod
    def grad_target(
        g: Any, input: Any, target: Any, shape: Any, reduction: str, delta: float, F: Any
    ) -> Any:
        """The same with the other sign."""
        return F.clamp(target - input, -delta, delta) * share(g, shape, reduction)


def _weighted(terms: Any, weight: Any, input: Any, reduction: str) -> Any:
    """Losses with a weight each; the mean divides by the sum of the weights."""
    if weight._array.shape != input._array.shape:
        raise ValueError(
            f"Weights and input must have the same size, got {weight.shape} and {input.shape}"
        )
    terms = terms * weight
    return terms.sum() / weight.sum() if reduction == "mean" else reduced_tensor(terms, reduction)


def _floats(op: str, input: Any, target: Any) -> None:
    if input._array.dtype.kind not in "fV" and target._array.dtype.kind not in "fV":
        raise NotImplementedError(
            f'"{op}" not implemented for {of_numpy(input._array.dtype)!r}; use input.float()'
        )


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
    input, target = same_shape("mse_loss", input, target)
    _floats("mse_loss", input, target)
    if weight is not None:
        return _weighted(tensors.mse_loss(input, target, "none"), weight, input, reduction)
    return tensors.mse_loss(input, target, reduction)


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
    input, target = same_shape("l1_loss", input, target)
    terms = (input - target).abs()
    if weight is not None:
        return _weighted(terms, weight, input, reduction)
    return reduced_tensor(terms, reduction)


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
    input, target = same_shape("smooth_l1_loss", input, target)
    _floats("smooth_l1_loss", input, target)
    if beta == 0:
        return reduced_tensor((input - target).abs(), reduction)
    return tensors.smooth_l1_loss(input, target, reduction, beta)


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
    input, target = same_shape("huber_loss", input, target)
    _floats("huber_loss", input, target)
    if weight is not None:
        terms = tensors.huber_loss(input, target, "none", delta)
        return _weighted(terms, weight, input, reduction)
    return tensors.huber_loss(input, target, reduction, delta)


@function(
    where=_F,
    torch="nn.functional.kl_div",
    domain=(reals(-3, 0), reals(0.05, 1)),
    samples=(
        call(T(2, 3), T(2, 3), reduction="sum"),
        call(T(2, 3), T(2, 3), reduction="batchmean"),
        call(T(2, 3), T(2, 3), reduction="none"),
        call(T(2, 3), T(2, 3, domain=reals(-3, 0)), reduction="batchmean", log_target=True),
        call(T(2, 3), T(3), reduction="none"),
    ),
    errors=(call(T(2, 3), T(2, 3), reduction="average"), call(T(2, 3), T(4), reduction="sum")),
)
def kl_div(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """The Kullback-Leibler divergence, from log-probabilities x to probabilities t.

    Formula: l = t (log t - x), with 0 log 0 = 0; for ``log_target`` l = e^t (t - x).
    ``batchmean`` divides the sum by the first size. Gradient: gx = -g t.

    Shape: any two shapes that broadcast -> (), or their common shape for ``reduction='none'``.
    Raises: RuntimeError for shapes that do not fit, ValueError for an unknown reduction.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.kl_div.html

    >>> import minigrad as torch
    >>> half = torch.tensor([0.5, 0.5])
    >>> torch.nn.functional.kl_div(half.log(), torch.tensor([1., 0.]), reduction="sum")
    tensor(0.6931)
    """
    for_batch = reduction == "batchmean" and size_average is None and reduce is None
    reduction = "sum" if for_batch else legacy("kl_div", size_average, reduce, reduction)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next major "
            "release.",
            stacklevel=2,
        )
    if log_target:
        terms = target.exp() * (target - input)
    else:
        terms = tensors.negative_entropy(target) - target * input
    loss = reduced_tensor(terms, reduction)
    return loss / input.shape[0] if for_batch and input.ndim else loss


@register(internal=True)
class NegativeEntropy(Op):
    """t log t, and 0 where t is 0.   gt = g (log t + 1)."""

    promotes = "float"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The logarithm of 0 never meets a number other than 0."""
        zero = input == 0
        return input * xp.log(xp.where(zero, xp.ones_like(input), input))

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """By the product rule."""
        return g * (F.log(input) + 1)


def check_pair(op: str, input: Any, target: Any) -> None:
    """Raise torch's errors unless input and target are float tensors of one shape."""
    for name, value in (("input", input), ("target", target)):
        if not isinstance(value, TensorBase):
            raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")
    if input._array.shape != target._array.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape}): "
            f"{op} does not broadcast"
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
            one, two = (of_numpy(t._array.dtype) for t in (other, input))
            raise DtypeError(f"Found dtype {one!r} but expected {two!r} ({op})")
