"""Losses that ask for a margin: between classes, between a pair, around a decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import renamed
from minigrad.autograd.readings import as_read, composed
from minigrad.autograd.registry import T, call, function, integers, reals
from minigrad.backend import Array, faults, xp_of
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.network.loss_reduction import (
    broadcast_shape,
    check_constant,
    facts,
    legacy,
    reduced_in,
    written_in,
)
from minigrad.ops.reduction.reduce import need_float

_SIGN = integers(-1, 1)
NO_SECOND: dict[str, Any] = {"orders": 1}
_AWAY = reals(-1, 3, avoid=(1.0,))
_CLASS = integers(0, 2)


@function(**facts("soft_margin_loss", call(T(2, 3), T(2, 3, domain=_SIGN))))
def soft_margin_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Logistic loss of a score whose sign should be the target's.

    Formula: l = log(1 + e^(-t x)), t = 1 or -1. Gradient: gx = -g t / (1 + e^(t x)).

    Shape: two that broadcast -> (), or their common shape for ``reduction='none'``.
    Raises: RuntimeError for shapes that do not fit, ValueError for an unknown reduction.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html

    >>> import minigrad as torch
    >>> torch.nn.functional.soft_margin_loss(torch.tensor([0., 0.]), torch.tensor([1., -1.]))
    tensor(0.6931)
    """
    reduction = legacy("soft_margin_loss", size_average, reduce, reduction)
    shape = broadcast_shape("soft_margin_loss", input._array.shape, target._array.shape)
    if shape != input._array.shape:
        raise ShapeError(
            f"output with shape {list(input._array.shape)} doesn't match the broadcast shape "
            f"{list(shape)} (soft_margin_loss: the target must not be larger than the input)"
        )
    (target,) = written_in(input, target)
    return renamed(composed(_soft_margin, (input, target), reduction), "SoftMarginLossBackward0")


def _soft_margin(F: Any, input: Any, target: Any, reduction: str) -> Any:
    return reduced_in(F, F.log1p(F.exp(-target * input)), reduction)


@function(**facts("hinge_embedding_loss", call(T(2, 3, domain=_AWAY), T(2, 3, domain=_SIGN))))
def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """A distance where the target is 1; where it is -1, what the distance lacks to a margin.

    Formula: l = x where t = 1, max(0, m - x) where t = -1, both added for any other t.
    Gradient: gx = g where t = 1; -g where t = -1 and x <= m.

    Shape: two that broadcast -> (), or their common shape for ``reduction='none'``.
    Raises: RuntimeError for shapes that do not fit, ValueError for an unknown reduction.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hinge_embedding_loss.html

    >>> import minigrad as torch
    >>> torch.nn.functional.hinge_embedding_loss(torch.tensor([2., 0.5]), torch.tensor([1., -1.]))
    tensor(1.2500)
    """
    reduction = legacy("hinge_embedding_loss", size_average, reduce, reduction)
    if input._array.dtype.kind in "iu":  # torch goes on in integers
        margin = int(margin)
        if reduction == "mean":
            need_float("mean", input)
    return composed(_hinge, (input, target), margin, reduction)


def _hinge(F: Any, input: Any, target: Any, margin: float, reduction: str) -> Any:
    near = F.masked_fill(input, target == -1, 0)
    far = F.clamp(margin - input, 0, None)
    return reduced_in(F, near + F.masked_fill(far, target == 1, 0), reduction)


@function(
    **facts(
        "margin_ranking_loss",
        call(T(2, 3), T(2, 3), T(2, 3, domain=_SIGN)),
        call(T(4), T(4), T(4, domain=_SIGN), margin=0.5),
        bad=(call(T(2, 3), T(3), T(3)),),
    )
)
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """What the first of two scores lacks to be greater by a margin, or smaller where t = -1.

    Formula: l = max(0, m - t (x₁ - x₂)). Gradient: gx₁ = -g t where l is not cut off, gx₂ = -gx₁.

    Shape: three of as many axes that broadcast -> (), or that shape for ``reduction='none'``.
    Raises: RuntimeError for shapes that do not fit, ValueError for an unknown reduction.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.margin_ranking_loss.html

    >>> import minigrad as torch
    >>> one, two = torch.tensor([3., 1.]), torch.tensor([1., 2.])
    >>> torch.nn.functional.margin_ranking_loss(one, two, torch.ones(2), reduction="none")
    tensor([0., 1.])
    """
    reduction = legacy("margin_ranking_loss", size_average, reduce, reduction)
    sizes = [t.size() for t in (input1, input2, target)]
    if len({len(s) for s in sizes}) > 1:
        raise ShapeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {sizes[0]}, input2: {sizes[1]}, target: {sizes[2]} "
        )
    return composed(_ranking, (input1, input2, target), margin, reduction)


def _ranking(F: Any, input1: Any, input2: Any, target: Any, margin: float, reduction: str) -> Any:
    return reduced_in(F, F.clamp(-target * (input1 - input2) + margin, 0, None), reduction)


def _classes(op: str, target: Any) -> None:
    if target._array.dtype != np.int64:
        raise DtypeError(
            f"expected scalar type Long but found {of_numpy(target._array.dtype)!r} ({op}: class "
            "numbers are wanted; use target.long())"
        )


def _within(target: Array, low: int, count: int, said: str) -> None:
    """Raise for a class that is not there; of a target on a card later (``backend/faults.py``)."""
    if type(target) is not np.ndarray:
        faults.note_range(xp_of(target), target, low, count, said, RuntimeError)
    elif target.size and not low <= int(target.min()) <= int(target.max()) < count:
        raise RuntimeError(said)


def _rows(op: str, input: Any) -> tuple[int, int]:
    """How many samples of how many classes there are; torch's error for other shapes."""
    shape = input._array.shape
    if len(shape) > 2 or 0 in shape[1:] or shape == (0,):
        raise ShapeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(shape)} ({op})"
        )
    if input._array.dtype.kind not in "fV":
        raise NotImplementedError(
            f'"{op}" not implemented for {of_numpy(input._array.dtype)!r}; use input.float()'
        )
    return (shape[0], shape[1]) if len(shape) == 2 else (1, shape[0] if shape else 1)


@function(
    **facts(
        "multi_margin_loss",
        call(T(4, 3), T(4, domain=_CLASS)),
        call(T(4, 3), T(4, domain=_CLASS), p=2, margin=0.5),
        call(T(3), T(domain=_CLASS)),
        bad=(
            call(T(4, 3), T(3, domain=_CLASS)),
            call(T(2, 3), T(2, domain=integers(3, 5))),
            call(T(2, 3), T(2)),
            call(T(2, 3), T(2, domain=_CLASS), p=3),
        ),
        **NO_SECOND,
    )
)
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """What the right class's score lacks to exceed each other one by a margin.

    Formula: l_n = Σ_i w[t_n] max(0, m - x[n, t_n] + x[n, i])^p / C over the classes i ≠ t_n.
    Gradient: with h the derivative of each term, gx[n, i] = g h_i, gx[n, t_n] = -g Σ h_i.

    Shape: (N, C), (N) or (C), (1) or () -> (), or (N) for ``reduction='none'``.
    Raises: RuntimeError for shapes or dtypes, ValueError unless p is 1 or 2.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.multi_margin_loss.html

    >>> import minigrad as torch
    >>> scores = torch.tensor([[1., 0.5, 0.]])
    >>> torch.nn.functional.multi_margin_loss(scores, torch.tensor([0]))
    tensor(0.1667)
    """
    op = "multi_margin_loss"
    reduction = legacy(op, size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError(f"only p == 1 and p == 2 supported (multi_margin_loss got {p})")
    check_constant(op, "weight", weight)
    n, count = _rows(op, input)
    t = target._array
    if t.ndim > 1 or t.size != n:
        raise ShapeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input "
            f"samples (batch size). Expected target size [{n}], but got {list(t.shape)}. Input has "
            f"shape {list(input._array.shape)}."
        )
    if weight is not None and weight._array.ndim != 1:
        raise ValueError(f"weight must be one-dimensional ({op})")
    _classes(op, target)
    _within(t, 0, count, f"target out of range (multi_margin_loss: {count} classes)")
    if weight is not None and weight._array.shape != (count,):
        raise ShapeError(
            f"inconsistent weight size, expected {count} but got {list(weight._array.shape)}"
        )
    alone = input._array.ndim < 2 and t.ndim == 0
    others = xp_of(t).arange(count) != t.reshape(-1, 1)
    found = (input, weight), (n, count), others, p, margin, alone, reduction
    return composed(_multi_margin, *found, places=(target,))


def _multi_margin(
    F: Any,
    input: Any,
    weight: Any,
    target: Any,
    shape: tuple[int, int],
    others: Array,
    p: int,
    margin: float,
    alone: bool,
    reduction: str,
) -> Any:
    """The losses in either reading; ``others`` tells the wrong classes of each row."""
    n, count = shape
    rows, classes = F.reshape(input, shape), F.reshape(target, (n, 1))
    short = F.relu(rows - F.gather(rows, classes, 1) + margin)
    short = short if p == 1 else short * short
    if weight is not None:
        short = short * F.take(weight, classes)
    counted = F.where(as_read(F, others), short, 0.0)
    loss = F.sum(counted, (1,), False) / count
    return reduced_in(F, F.reshape(loss, ()) if alone else loss, reduction)


@function(
    **facts(
        "multilabel_margin_loss",
        call(T(2, 3), T(2, 3, domain=integers(-1, 2))),
        call(T(3), T(3, domain=_CLASS)),
        bad=(
            call(T(2, 3), T(2, domain=_CLASS)),
            call(T(2, 3), T(2, 3, domain=integers(3, 5))),
            call(T(2, 3), T(2, 3)),
        ),
        domain=(reals(-0.45, 0.45),),  # scores that differ by 1 are at a kink
        varied=False,  # of no examples torch returns whatever was in memory
        **NO_SECOND,
    )
)
def multilabel_margin_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """What the scores of several right classes lack to exceed all others by 1.

    Formula: l_n = Σ_j Σ_i max(0, 1 - x[n, j] + x[n, i]) / C over the right classes j, which are the
    targets before the first -1, and the other classes i. Gradient: by the terms that are not 0.

    Shape: (N, C) or (C), twice -> (), or (N) or () for ``reduction='none'``.
    Raises: RuntimeError for shapes, dtypes or a class that is not there.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_margin_loss.html

    >>> import minigrad as torch
    >>> scores, right = torch.tensor([[1., 0.5, 0.]]), torch.tensor([[0, -1, -1]])
    >>> torch.nn.functional.multilabel_margin_loss(scores, right)
    tensor(0.1667)
    """
    op = "multilabel_margin_loss"
    reduction = legacy(op, size_average, reduce, reduction)
    n, count = _rows(op, input)
    t = target._array
    if t.shape != input._array.shape:
        raise ShapeError(
            f"inconsistent target size: {list(t.shape)} for input of size: "
            f"{list(input._array.shape)} ({op})"
        )
    _classes(op, target)
    _within(t, -1, count, f"argument #2 'target' is out of range ({op}: {count} classes)")
    xp = xp_of(t)
    t = t.reshape(n, count)
    listed = xp.cumsum(t < 0, axis=1) == 0
    right = (listed[:, :, None] & (t[:, :, None] == xp.arange(count))).any(axis=1)
    pairs = listed[:, :, None] & ~right[:, None, :]
    listed = xp.where(listed, t, 0)
    return composed(_multilabel_margin, (input,), (n, count), listed, pairs, reduction)


def _multilabel_margin(
    F: Any, input: Any, shape: tuple[int, int], listed: Array, pairs: Array, reduction: str
) -> Any:
    """The losses in either reading: over pairs of a right class and another."""
    n, count = shape
    rows = F.reshape(input, shape)
    wanted = F.reshape(F.gather(rows, as_read(F, listed), 1), (n, count, 1))
    short = F.relu(1 - wanted + F.reshape(rows, (n, 1, count)))
    loss = F.sum(F.where(as_read(F, pairs), short, 0.0), (1, 2), False) / count
    return reduced_in(F, loss if len(input.shape) == 2 else F.reshape(loss, ()), reduction)


@function(
    **facts(
        "multilabel_soft_margin_loss",
        call(T(2, 3), T(2, 3, domain=reals(0, 1))),
        call(T(2, 2, 3), T(2, 2, 3, domain=reals(0, 1)), weight=T(3)),
        bad=(call(T(2, 3), T(2, 4)),),
    )
)
def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Cross-entropy of a yes-or-no decision for each class, averaged over the classes.

    Formula: l_n = -Σ_c w_c (t log σ(x) + (1 - t) log σ(-x)) / C, σ the sigmoid.
    Gradient: gx = g w (σ(x) - t) / C.

    Shape: (*, C), (*, C) -> (), or (*) for ``reduction='none'``.
    Raises: RuntimeError for shapes that do not fit, ValueError for an unknown reduction.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_soft_margin_loss.html

    >>> import minigrad as torch
    >>> zeros, right = torch.zeros(1, 2), torch.tensor([[1., 0.]])
    >>> torch.nn.functional.multilabel_soft_margin_loss(zeros, right)
    tensor(0.6931)
    """
    reduction = legacy("multilabel_soft_margin_loss", size_average, reduce, reduction)
    return composed(_multilabel_soft, (input, target, weight), reduction)


def _multilabel_soft(F: Any, input: Any, target: Any, weight: Any, reduction: str) -> Any:
    loss = -(target * F.logsigmoid(input) + (1 - target) * F.logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    along = len(input.shape) - 1  # of the input, also where the target has more axes
    total = F.sum(loss, (along,) if len(loss.shape) else None, False)
    return reduced_in(F, total / input.shape[-1], reduction)
