"""Losses of probabilities: logarithms of a density, Poisson and Gaussian, and divergence."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.readings import composed
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, warn_user
from minigrad.ops.elementwise.masks import picked
from minigrad.ops.network.loss_reduction import facts, legacy, reduced_in, reduced_tensor

_COUNT = reals(0.1, 4)


@function(
    **facts(
        "poisson_nll_loss",
        call(T(2, 3), T(2, 3, domain=_COUNT)),
        call(T(2, 3, domain=_COUNT), T(2, 3, domain=_COUNT), log_input=False, full=True),
    )
)
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Negative log-likelihood of counts t with a Poisson rate, or its logarithm, x.

    Formula: l = e^x - t x, or for ``log_input=False`` l = x - t log(x + eps); ``full`` adds
    Stirling's t log t - t + log(2πt) / 2 where t > 1. Gradient: gx = g (e^x - t), or g (1 - t / x).

    Shape: two that broadcast -> (), or their common shape for ``reduction='none'``.
    Raises: RuntimeError for shapes that do not fit, ValueError for an unknown reduction.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.poisson_nll_loss.html

    >>> import minigrad as torch
    >>> torch.nn.functional.poisson_nll_loss(torch.tensor([0.]), torch.tensor([2.]))
    tensor(1.)
    """
    reduction = legacy("poisson_nll_loss", size_average, reduce, reduction)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return reduced_tensor(loss, reduction)


@function(
    **facts(
        "gaussian_nll_loss",
        call(T(2, 3), T(2, 3), T(2, 3, domain=_COUNT)),
        call(T(2, 3), T(2, 3), T(2, domain=_COUNT), full=True),
        call(T(2, 3), T(2, 3), 0.5),
        bad=(
            call(T(2, 3), T(2, 3), T(3, 3, domain=_COUNT)),
            call(T(2, 3), T(2, 3), T(2, 3, domain=reals(-2, -1))),
            call(T(2, 3), T(2, 3), -1.0),
        ),
    )
)
def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: Any = False,  # torch asks only whether it is true
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """Negative log-likelihood of targets t with a Gaussian of mean x and variance v.

    Formula: l = (log v + (x - t)² / v) / 2, v not below ``eps``; ``full`` adds log(2π) / 2.
    Gradient: gx = g (x - t) / v, gt = -gx, gv = g (1 - (x - t)² / v) / 2v.

    Shape: (*), (*), and (*), (*) less its last axis, or with one axis of size 1 -> (), or (*) for
    ``reduction='none'``.
    Raises: ValueError for a variance of another shape, or a negative one.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gaussian_nll_loss.html

    >>> import minigrad as torch
    >>> mean, value = torch.tensor([0.]), torch.tensor([2.])
    >>> torch.nn.functional.gaussian_nll_loss(mean, value, torch.tensor([1.]))
    tensor(2.)
    """
    if not isinstance(var, TensorBase):
        var = (input.detach() * 0 + 1) * var
    elif var._array.dtype.kind not in "fV":
        raise DtypeError(
            "result type Float can't be cast to the desired output type "
            f"{of_numpy(var._array.dtype).c_name} (gaussian_nll_loss: use var.float())"
        )
    if bool((var < 0).any()):
        raise ValueError("var has negative entry/entries (gaussian_nll_loss)")
    shape, given = input._array.shape, var._array.shape
    if given != shape:
        if given == shape[:-1]:
            var = var.unsqueeze(-1)
        elif len(given) != len(shape) or [
            b for a, b in zip(shape, given, strict=True) if a != b
        ] != [1]:
            raise ValueError(
                f"var is of incorrect size: {list(given)} for an input of {list(shape)} "
                "(gaussian_nll_loss)"
            )
    legacy("gaussian_nll_loss", None, None, reduction)
    var = tensors.at_least(var, eps)
    difference = input - target
    loss = 0.5 * (tensors.log(var) + difference * difference / var)
    return reduced_tensor(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@function(
    where=("nn.functional",),
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
        warn_user(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next major "
            "release."
        )
    if not (input.is_floating_point() and target.is_floating_point()):
        raise RuntimeError("kl_div: Integral inputs not supported.")
    return composed(_divergence, (input, target), log_target, reduction, for_batch)


def _divergence(
    F: Any, input: Any, target: Any, log_target: bool, reduction: str, for_batch: bool
) -> Any:
    if log_target:
        terms = F.exp(target) * (target - input)
    else:
        terms = F.negative_entropy(target) - target * input
    loss = reduced_in(F, terms, reduction)
    return loss / input.shape[0] if for_batch and len(input.shape) else loss


@register(internal=True)
class NegativeEntropy(Op):
    """t log t, and 0 where t is 0.   gt = g (log t + 1)."""

    promotes = "float"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The logarithm of 0 never meets a number other than 0."""
        zero = input == 0
        return input * xp.log(picked(xp, zero, input.dtype.type(1), input))

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """By the product rule."""
        return g * (F.log(input) + 1)
