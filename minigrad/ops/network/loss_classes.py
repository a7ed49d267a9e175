"""Losses of classification: negative log-likelihood and cross-entropy."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, renamed
from minigrad.autograd.registry import T, call, function, integers, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.network.cross_entropy_rows import (
    CrossEntropyRows,
    checked,
    places,
    slope_of,
    weighed,
)
from minigrad.ops.network.loss_reduction import check_constant, legacy, reduced_tensor
from minigrad.ops.network.softmax import LogSoftmaxAlong, need_floats

_CLASS = integers(0, 2)
_DOMAIN = (reals(-3, 3),)
_SAMPLES = (
    call(T(4, 3), T(4, domain=_CLASS)),
    call(T(4, 3), T(4, domain=_CLASS), reduction="sum"),
    call(T(4, 3), T(4, domain=_CLASS), reduction="none"),
    call(T(4, 3), T(4, domain=_CLASS), ignore_index=1, reduction="sum"),
    call(T(2, 3, 4), T(2, 4, domain=_CLASS)),
    call(T(3), T(domain=_CLASS)),
)
_ERRORS = (
    call(T(2, 3), T(3, domain=_CLASS)),
    call(T(2, 3), T(2, domain=integers(3, 5))),
    call(T(2, 3), T(2, domain=integers(-3, -1))),
    call(T(2, 3), T(2)),
    call(T(2, 3, 4), T(2, 5, domain=_CLASS)),
    call(T(2, 3), T(2, domain=_CLASS), weight=T(4)),
    call(T(2, 3), T(2, domain=_CLASS), reduction="average"),
    call(T(), T(2, domain=_CLASS)),
)


_CLASS_NUMBERS = (np.dtype(np.int64), np.dtype(np.uint8))


class _NllLoss(Op):
    """Minus the log-probability of the right class.

    Linear in its input: the gradient puts a constant ``scale`` at the classes' places.
    """

    keeps = ("classes", "scale", "ignored")

    @staticmethod
    @widened
    def forward(
        xp: Any, input: Array, target: Array, weight: Array, ignore_index: int, reduction: str
    ) -> tuple[Array, Array, Array, Any]:
        """Pick, weigh, add up; ordinary targets need no weights and no look at each."""
        count = input.shape[min(1, input.ndim - 1)]
        classes, ignored = checked(xp, target, count, ignore_index)
        picked = input.reshape(-1)[places(xp, classes, input.shape)]
        loss, scale = weighed(xp, picked, classes, ignored, weight, reduction)
        return loss, classes, scale, ignored

    @staticmethod
    def grad_input(g: Any, classes: Any, scale: Any, ignored: Any, shape: Any, F: Any) -> Any:
        """The scale, times the cotangent, at the classes' places."""
        return F.place_classes(slope_of(g, scale, ignored, F), classes, tuple(shape))


@register("nll_loss", internal=True)
class NllLoss(_NllLoss):
    """Negative log-likelihood of rows."""


@register("nll_loss_nd", internal=True)
class NllLossNd(_NllLoss):
    """Negative log-likelihood with more axes after the classes."""

    grad_fn = "NllLoss2DBackward0"


@register("place_classes", internal=True)
class PlaceClasses(Op):
    """Zeros, with each element at its class's place.   Transpose: ``pick_classes``."""

    grad_fn = "NllLossBackwardBackward0"
    broadcasts = True  # one number may stand at all places

    @staticmethod
    def forward(xp: Any, input: Array, classes: Array, size: tuple[int, ...]) -> Array:
        """No two targets share a place."""
        out = xp.zeros(size, dtype=input.dtype)
        out.reshape(-1)[places(xp, classes, size)] = input
        return out

    @staticmethod
    def grad_input(g: Any, classes: Any, F: Any) -> Any:
        """What stands at those places."""
        return F.pick_classes(g, classes)


@register("pick_classes", internal=True)
class PickClasses(Op):
    """The element at each class's place.   Transpose: ``place_classes``."""

    @staticmethod
    def forward(xp: Any, input: Array, classes: Array) -> Array:
        """One look-up."""
        return input.reshape(-1)[places(xp, classes, input.shape)]

    @staticmethod
    def grad_input(g: Any, classes: Any, shape: Any, F: Any) -> Any:
        """Put back where it came from."""
        return F.place_classes(g, classes, tuple(shape))


@functools.lru_cache(maxsize=256)
def _check_shapes(op: str, input: tuple[int, ...], target: tuple[int, ...]) -> None:
    """Raise torch's errors for shapes that do not fit."""
    if not input:
        kind = ValueError if op == "nll_loss" else IndexError
        raise kind(f"Expected 1 or more dimensions (got 0) ({op})")
    if len(input) == 1:
        if math.prod(target) == 1:
            return
        if len(target) == 1:
            raise ValueError(
                f"For 1D input, 1D target must have size 1, but got target size: {target[0]}"
            )
        raise ShapeError(f"Expected target size [], got {list(target)} ({op})")
    if target[:1] != input[:1]:
        raise ValueError(
            f"Expected input batch_size ({input[0]}) to match target batch_size "
            f"({target[0] if target else 1})."
        )
    if target != input[:1] + input[2:]:
        if len(input) == 2:
            raise ShapeError("0D or 1D target tensor expected, multi-target not supported")
        wanted = list(input[:1] + input[2:])
        raise ShapeError(f"Expected target size {wanted}, got {list(target)} ({op})")


def _check(input: Any, target: Any, weight: Any, op: str) -> None:
    """Raise torch's errors for shapes and dtypes that do not fit."""
    for name, value in (("input", input), ("target", target)):
        if not isinstance(value, TensorBase):
            raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")
    x, t = input._array, target._array
    _check_shapes(op, x.shape, t.shape)
    if t.dtype not in _CLASS_NUMBERS:
        raise DtypeError(
            "expected target dtype to be Long or Byte, but got "
            f"{of_numpy(t.dtype).type_name} ({op}: class numbers are wanted; use target.long())"
        )
    if weight is not None:
        check_constant(op, "weight", weight)
        count = x.shape[min(1, x.ndim - 1)]
        if weight._array.shape != (count,):
            raise ShapeError(
                f"weight tensor should be defined either for all {count} classes or no classes but "
                f"got weight tensor of shape: {list(weight._array.shape)}"
            )
        if weight._array.dtype != x.dtype:
            one, two = of_numpy(x.dtype), of_numpy(weight._array.dtype)
            raise DtypeError(f"expected scalar type {one!r} but found {two!r} (weight of {op})")


@function(
    where=("nn.functional",),
    torch="nn.functional.nll_loss",
    domain=_DOMAIN,
    samples=_SAMPLES,
    errors=_ERRORS,
)
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Negative log-likelihood: minus the input at the right class.

    Formula: l_n = -w[t_n] x[n, t_n]; ``mean`` divides their sum by Σ w[t_n], ``sum`` does not,
    ``none`` gives them all. Gradient: gx[n, t_n] = -w[t_n] g / Σ w[t_n], zero elsewhere.
    Targets equal to ``ignore_index`` count for nothing.

    Shape: (N, C), (N) or (N, C, *), (N, *) or (C), (); the result is () or that of the target.
    Raises: ValueError, RuntimeError for shapes or dtypes, IndexError for a class that is not there.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html

    >>> import minigrad as torch
    >>> logp = torch.tensor([[-0.5, -1.0], [-0.25, -1.5]])
    >>> torch.nn.functional.nll_loss(logp, torch.tensor([0, 1]))
    tensor(1.)
    """
    reduction = legacy("nll_loss", size_average, reduce, reduction)
    _check(input, target, weight, "nll_loss")
    return _nll(input, target, weight, ignore_index, reduction)


def _nll(input: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    """The loss of what has been checked."""
    ndim = input._array.ndim
    if ndim == 1 and target._array.ndim == 1:
        target = target.reshape(())
    op = NllLoss if ndim <= 2 else NllLossNd
    return op.short(input, target, weight, ignore_index, reduction)


@function(
    where=("nn.functional",),
    torch="nn.functional.cross_entropy",
    domain=_DOMAIN,
    samples=(
        *_SAMPLES,
        call(T(2, 3, 2, 2), T(2, 2, 2, domain=_CLASS), reduction="none"),
        call(T(4, 3), T(4, domain=_CLASS), label_smoothing=0.2),
        call(T(4, 3), T(4, domain=_CLASS), label_smoothing=0.2, reduction="none", ignore_index=0),
        call(T(4, 3), T(4, 3, domain=reals(0, 1))),
        call(T(2, 3, 2), T(2, 3, 2, domain=reals(0, 1)), weight=T(3), label_smoothing=0.1),
        call(T(4, 3), T(4, 3, domain=reals(0, 1)), reduction="none"),
        call(T(3), T(3, domain=reals(0, 1)), reduction="sum"),
    ),
    errors=(
        *_ERRORS,
        call(T(2, 3), T(2, domain=_CLASS), label_smoothing=2.0),
        call(T(2, 3), T(2, 3, domain=_CLASS)),
        call(T(2, 3), T(2, 4)),
    ),
)
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Cross-entropy between the softmax of scores and the right classes, or given probabilities.

    Formula: l_n = -w[t_n] log softmax(x_n)[t_n], reduced as in :func:`nll_loss`; for probabilities
    l_n = -Σ_c w_c p[n, c] log softmax(x_n)[c], and ``mean`` divides by the number of rows.
    ``label_smoothing`` ε mixes the target with ε / C for each class.
    Gradient, unweighted: gx = g (softmax(x) - onehot(t)) / N.

    Shape: (N, C), (N) or (N, C, *), (N, *) or (C), (); probabilities have the input's shape.
    Raises: ValueError, RuntimeError for shapes or dtypes, IndexError for a class that is not there.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html

    >>> import minigrad as torch
    >>> scores = torch.tensor([[2., 0.], [0., 0.]])
    >>> torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1]))
    tensor(0.4100)
    """
    reduction = legacy("cross_entropy", size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ShapeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    if isinstance(input, TensorBase) and isinstance(target, TensorBase):
        x, t = input._array, target._array
        if x.ndim and x.shape == t.shape:
            return _soft_targets(input, target, weight, ignore_index, reduction, label_smoothing)
        if x.ndim == 2 and t.ndim == 2 and x.shape[0] == t.shape[0]:
            raise ShapeError("0D or 1D target tensor expected, multi-target not supported")
    _check(input, target, weight, "cross_entropy")
    need_floats("log_softmax", x, min(1, x.ndim - 1))
    at_once = x.dtype.itemsize > 2 or x.__class__ is not np.ndarray  # torch rounds halves twice
    if x.ndim == 2 and t.ndim == 1 and not label_smoothing and at_once:
        return CrossEntropyRows.short(input, target, weight, ignore_index, reduction)
    axis = min(1, x.ndim - 1)
    logp = LogSoftmaxAlong.short(input, axis)
    loss = _nll(logp, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return loss
    smooth = _smooth_part(logp, target, weight, axis, ignore_index, reduction)
    return loss * (1 - label_smoothing) + smooth * (label_smoothing / x.shape[axis])


def _smooth_part(
    logp: Any, target: Any, weight: Any, axis: int, ignore_index: int, reduction: str
) -> Any:
    """The loss against all classes alike; the mean counts the targets, weighted as theirs are."""
    smooth = -(logp if weight is None else logp * _by_class(weight, logp)).sum(axis)
    wanted = target != ignore_index
    smooth = smooth * wanted.reshape(smooth.shape).to(smooth.dtype)
    if reduction == "none":
        return smooth
    if reduction == "sum":
        return smooth.sum()
    if weight is None:
        return smooth.sum() / wanted.sum()
    shares = weight[(target * wanted).reshape(-1)] * wanted.reshape(-1).to(weight.dtype)
    return smooth.sum() / shares.sum()


def _by_class(weight: Any, like: Any) -> Any:
    """One weight per class, laid along the axis of the classes."""
    return weight if like.ndim == 1 else weight.reshape((1, -1, *[1] * (like.ndim - 2)))


def _soft_targets(
    input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> Any:
    """Cross-entropy with probabilities for targets."""
    if target._array.dtype.kind not in "fV":
        raise DtypeError(
            "Expected floating point type for target with class probabilities, got "
            f"{of_numpy(target._array.dtype)!r}"
        )
    if ignore_index >= 0:
        raise ShapeError("ignore_index is not supported for floating point target")
    shape = input._array.shape
    axis = min(1, len(shape) - 1)
    count = shape[axis]
    if weight is not None and weight._array.shape != (count,):
        raise ShapeError(
            f"cross_entropy: weight tensor should be defined either for all {count} classes or no "
            f"classes but got weight tensor of shape: {list(weight._array.shape)}"
        )
    if smoothing:
        target = target * (1 - smoothing) + smoothing / count
    terms = LogSoftmaxAlong.short(input, axis) * target
    if weight is not None:
        terms = terms * _by_class(weight, terms)
    if reduction == "mean":
        mean = -(terms.sum() / (math.prod(shape) / count if count else math.nan))
        return renamed(mean, "DivBackward1")
    return -reduced_tensor(terms.sum(axis) if reduction == "none" else terms, reduction)
