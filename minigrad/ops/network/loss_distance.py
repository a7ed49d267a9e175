"""Losses of distances and angles between pairs and triples of vectors."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.readings import as_read, composed
from minigrad.autograd.registry import T, call, function, integers
from minigrad.backend import Array
from minigrad.errors import ShapeError
from minigrad.ops.network.distance import pairwise_distance
from minigrad.ops.network.loss_reduction import (
    broadcast_shape,
    facts,
    legacy,
    reduced_in,
    reduced_tensor,
)
from minigrad.ops.reduction.reduce import as_summed

_SIGN = integers(-1, 1)


@function(
    **facts(
        "cosine_embedding_loss",
        call(T(4, 3), T(4, 3), T(4, domain=_SIGN), margin=-0.9),
        call(T(3), T(3), T(domain=integers(1, 1))),
        bad=(call(T(2, 3), T(2, 3), T(2, 1)), call(T(3), T(3), T(1)), call(T(2, 3), T(2, 3), T())),
    )
)
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """What the cosine of two vectors lacks to 1, or where t = -1, exceeds a margin by.

    Formula: l = 1 - cos(x₁, x₂) where t = 1, max(0, cos(x₁, x₂) - m) where t = -1, else 0.
    Gradient: as of the cosine, with the sign of the case.

    Shape: (N, D), (N, D), (N) or (D), (D), () -> (), or that of t for ``reduction='none'``.
    Raises: RuntimeError for shapes that do not fit, ValueError for an unknown reduction.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cosine_embedding_loss.html

    >>> import minigrad as torch
    >>> x, y = torch.tensor([1., 0.]), torch.tensor([0., 1.])
    >>> torch.nn.functional.cosine_embedding_loss(x, y, torch.tensor(1))
    tensor(1.)
    """
    reduction = legacy("cosine_embedding_loss", size_average, reduce, reduction)
    ndim, shapes = target._array.ndim, (input1._array.shape, input2._array.shape)
    if ndim > 1:
        raise ShapeError("0D or 1D target tensor expected, multi-target not supported")
    if any(len(s) != ndim + 1 for s in shapes):
        raise ShapeError(
            f"{ndim}D target tensor expects {ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(shapes[0])} and {list(shapes[1])}."
        )
    broadcast_shape("cosine_embedding_loss", *shapes)
    signs = target._array
    input1, input2 = as_summed(input1, None), as_summed(input2, None)
    return composed(_cosine, (input1, input2), signs != 1, signs != -1, margin, reduction)


def _cosine(
    F: Any, one: Any, two: Any, other: Array, alike: Array, margin: float, reduction: str
) -> Any:
    """The losses in either reading; the masks tell where a pair is not alike, and not apart."""
    axis = (len(other.shape),)
    lengths = (F.sum(one * one, axis, False) + 1e-12) * (F.sum(two * two, axis, False) + 1e-12)
    cosine = F.sum(one * two, axis, False) / F.sqrt(lengths)
    near = F.masked_fill(1 - cosine, as_read(F, other), 0)
    far = F.masked_fill(F.clamp(cosine - margin, 0, None), as_read(F, alike), 0)
    return reduced_in(F, near + far, reduction)


def _triplet(
    distance: Any, vectors: tuple[Any, Any, Any], margin: float, swap: bool, reduction: str
) -> Any:
    """The loss of both forms below."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    sizes = [v._array.ndim for v in vectors]
    if len(set(sizes)) > 1:
        raise ShapeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {sizes[0]}D, positive {sizes[1]}D, and negative "
            f"{sizes[2]}D inputs"
        )
    anchor, positive, negative = vectors
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = tensors.minimum(far, distance(positive, negative))
    return reduced_tensor((margin + near - far).clamp_min(0), reduction)


_TRIPLES = (call(T(2, 3), T(2, 3), T(2, 3)), call(T(2, 3), T(2, 3), T(2, 3), margin=3.0, swap=True))
_BAD = (call(T(2, 3), T(2, 3), T(3)), call(T(2, 3), T(2, 3), T(2, 3), margin=-1.0))


@function(**facts("triplet_margin_loss", *_TRIPLES, bad=_BAD))
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """What a vector's distance from a negative example lacks to exceed that from a positive one.

    Formula: l = max(0, m + d(a, p) - d(a, n)), d as :func:`pairwise_distance`; with ``swap`` the
    smaller of d(a, n) and d(p, n). Gradient: as of the distances.

    Shape: three of (N, D) or (D) -> (), or (N) or () for ``reduction='none'``.
    Raises: RuntimeError for shapes that do not fit, ValueError unless the margin is positive.
    Source: Balntas and others, Learning local feature descriptors with triplets, 2016;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_loss.html

    >>> import minigrad as torch
    >>> a, p, n = torch.tensor([[0., 0.]]), torch.tensor([[3., 4.]]), torch.tensor([[0., 2.]])
    >>> torch.nn.functional.triplet_margin_loss(a, p, n)
    tensor(4.0000)
    """
    reduction = legacy("triplet_margin_loss", size_average, reduce, reduction)

    def distance(x: Any, y: Any) -> Any:
        return pairwise_distance(x, y, p, eps)

    return _triplet(distance, (anchor, positive, negative), margin, swap, reduction)


@function(**facts("triplet_margin_with_distance_loss", *_TRIPLES, bad=_BAD))
def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: Any = False,  # torch asks only whether it is true
    reduction: str = "mean",
) -> Any:
    """Triplet loss with a distance of the user's.   l = max(0, m + d(a, p) - d(a, n)).

    Gradient: as of the distances, by default :func:`pairwise_distance`.

    Shape: what the distance takes; the result is () or, for ``reduction='none'``, its shape.
    Raises: RuntimeError for shapes that do not fit, ValueError unless the margin is positive.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_with_distance_loss.html

    >>> import minigrad as torch
    >>> F = torch.nn.functional
    >>> a, p, n = torch.tensor([[0.]]), torch.tensor([[3.]]), torch.tensor([[1.]])
    >>> F.triplet_margin_with_distance_loss(a, p, n, distance_function=lambda x, y: (x - y).abs())
    tensor(3.)
    """
    reduction = legacy("triplet_margin_with_distance_loss", None, None, reduction)
    distance = distance_function or pairwise_distance
    return _triplet(distance, (anchor, positive, negative), margin, swap, reduction)
