"""Binary cross-entropy, of probabilities and of logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array, faults
from minigrad.backend.native import pointwise
from minigrad.ops.elementwise.masks import negative, number
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.network.loss import check_dtype, check_pair, check_weight
from minigrad.ops.network.loss_reduction import (
    check_constant,
    legacy,
    need_kernel,
    reduced,
    share,
    written_in,
)

_F = ("nn.functional",)


def weighted(g: Any, weight: Any) -> Any:
    """A cotangent times the weight, if there is one."""
    return g if weight is None else g * weight


def _at(x: Array, place: Any) -> Any:
    """An element of the flattened array: so an extreme is found in a fifth of ``max``'s time."""
    return x.reshape(-1)[place]


@register(internal=True)
class BinaryCrossEntropy(Op):
    """l = -w (t log x + (1 - t) log(1 - x)), logarithms cut off at -100."""

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, target: Array, weight: Array, reduction: str) -> Array:
        """The cut-off makes a certain and wrong answer cost 100 instead of infinity."""
        for name, x in (("input", input), ("target", target)):
            said = f"all elements of {name} should be between 0 and 1"
            if xp is not np:  # the card looks, and is not waited for
                faults.note_span(xp, x, 0.0, 1.0, said)
            elif x.size and not (_at(x, x.argmin()) >= 0 and _at(x, x.argmax()) <= 1):
                raise RuntimeError(said)
        least = number(xp, -100, input.dtype)
        yes, no = xp.log(input), xp.negative(input)
        into = no if input.ndim else None
        no = xp.maximum(xp.log1p(no, out=into), least, out=into)
        yes = xp.maximum(yes, least, out=yes if input.ndim else None)
        loss = (target - number(xp, 1, target.dtype)) * no - target * yes
        return reduced(loss if weight is None else loss * weight, reduction)

    @staticmethod
    def grad_input(
        g: Any, input: Any, target: Any, weight: Any, shape: Any, reduction: str, F: Any
    ) -> Any:
        """(x - t) / (x (1 - x)), the denominator kept away from 0."""
        g = weighted(share(g, shape, reduction), weight)
        return g * (input - target) / F.clamp(input * (1 - input), 1e-12, None)

    @staticmethod
    def grad_target(g: Any, input: Any, weight: Any, shape: Any, reduction: str, F: Any) -> Any:
        """log(1 - x) - log x."""
        g = weighted(share(g, shape, reduction), weight)
        no, yes = F.clamp(F.log1p(-input), -100, None), F.clamp(F.log(input), -100, None)
        return g * (no - yes)


@function(
    where=_F,
    torch="nn.functional.binary_cross_entropy",
    domain=(reals(0.1, 0.9), reals(0.05, 0.95)),
    samples=(
        call(T(2, 3), T(2, 3)),
        call(T(2, 3), T(2, 3), reduction="sum"),
        call(T(2, 3), T(2, 3), reduction="none"),
    ),
    errors=(
        call(T(2, 3), T(3)),
        call(T(2, 3, domain=reals(1.1, 2)), T(2, 3)),
        call(T(2, 3), T(2, 3), weight=T(4)),
        call(T(2, 3), T(2, 3), reduction="average"),
    ),
)
def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Cross-entropy of probabilities x of the answer "yes", when t is right.

    Formula: l = -w (t log x + (1 - t) log(1 - x)), with logarithms not below -100.
    Gradient: gx = g w (x - t) / (x (1 - x)), gt = g w (log(1 - x) - log x).

    Shape: two equal shapes -> () or, for ``reduction='none'``, that shape.
    Raises: ValueError for different shapes, RuntimeError for inputs outside of [0, 1].
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html

    >>> import minigrad as torch
    >>> torch.nn.functional.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([1.]))
    tensor(0.6931)
    """
    reduction = legacy("binary_cross_entropy", size_average, reduce, reduction)
    check_pair("binary_cross_entropy", input, target)
    check_dtype("binary_cross_entropy", input, target)
    need_kernel("binary_cross_entropy", input)
    check_weight("binary_cross_entropy", weight, input._array.shape)
    check_constant("binary_cross_entropy", "weight", weight)
    (weight,) = written_in(target, weight)
    return BinaryCrossEntropy.short(input, target, weight, reduction)


@register("binary_cross_entropy_with_logits", internal=True)
class BinaryCrossEntropyWithLogits(Op):
    """l = w ((1 - t) x + (1 + (p - 1) t) log(1 + e^-x)), p the weight of "yes"."""

    @staticmethod
    def forward(
        xp: Any, input: Array, target: Array, weight: Array, pos_weight: Array, reduction: str
    ) -> Array:
        """The exponential is taken of what is at most 0."""
        found = pointwise("logistic_loss", input, target) if pos_weight is None else None
        if found is not None:
            return reduced(found if weight is None else found * weight, reduction)
        rest = xp.log1p(xp.exp(-xp.abs(input))) - negative(xp, input)
        if pos_weight is not None:
            rest *= 1 + (pos_weight - 1) * target
        loss = (number(xp, 1, target.dtype) - target) * input + rest
        return reduced(loss if weight is None else loss * weight, reduction)

    @staticmethod
    def grad_input(
        g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, shape: Any, reduction: str,
        F: Any,
    ) -> Any:  # fmt: skip
        """What the sigmoid exceeds the target by."""
        g = weighted(share(g, shape, reduction), weight)
        s = F.sigmoid(input)
        if pos_weight is None:
            return g * (s - target)
        return g * ((1 + (pos_weight - 1) * target) * s - pos_weight * target)

    @staticmethod
    def grad_target(
        g: Any, input: Any, weight: Any, pos_weight: Any, shape: Any, reduction: str, F: Any
    ) -> Any:
        """Minus the logit, for there the loss is a straight line in t."""
        g = weighted(share(g, shape, reduction), weight)
        if pos_weight is None:
            return -g * input
        return -g * (input + (pos_weight - 1) * F.logsigmoid(input))


@function(
    where=_F,
    torch="nn.functional.binary_cross_entropy_with_logits",
    domain=(reals(-3, 3), reals(0.05, 0.95)),
    samples=(
        call(T(2, 3), T(2, 3)),
        call(T(2, 3), T(2, 3), reduction="sum"),
        call(T(2, 3), T(2, 3), reduction="none"),
    ),
    errors=(
        call(T(2, 3), T(3)),
        call(T(2, 3), T(2, 3), weight=T(4)),
        call(T(2, 3), T(2, 3), reduction="average"),
    ),
)
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """Cross-entropy of the sigmoid of scores x, when t is right, exact for large scores.

    Formula: l = w ((1 - t) x + (1 + (p - 1) t) log(1 + e^-x)); p is ``pos_weight``, or 1.
    Gradient, p = 1: gx = g w (sigmoid(x) - t), gt = -g w x.

    Shape: two equal shapes -> () or, for ``reduction='none'``, that shape.
    Raises: ValueError for different shapes, RuntimeError for weights that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html

    >>> import minigrad as torch
    >>> F = torch.nn.functional
    >>> F.binary_cross_entropy_with_logits(torch.tensor([0.]), torch.tensor([1.]))
    tensor(0.6931)
    """
    op = "binary_cross_entropy_with_logits"
    reduction = legacy(op, size_average, reduce, reduction)
    check_pair(op, input, target)
    check_weight(op, weight, input._array.shape)
    check_weight(op, pos_weight, input._array.shape)
    check_constant(op, "weight", weight)
    check_constant(op, "pos_weight", pos_weight)
    need_kernel("log_sigmoid_cpu", input)
    if target._array.dtype.kind == "b":
        _ = target - target  # torch begins with 1 - target, and refuses
    input, weight, pos_weight = written_in(target, input, weight, pos_weight)
    return BinaryCrossEntropyWithLogits.short(input, target, weight, pos_weight, reduction)
