"""Cross-entropy together with the affine map before it."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.registry import T, call, function, integers, reals
from minigrad.errors import ShapeError
from minigrad.ops.matrix.linear import linear
from minigrad.ops.network.loss_classes import cross_entropy

_CLASS = integers(0, 2)
_DOMAIN = (reals(-3, 3),)


@function(
    where=("nn.functional",),
    torch="nn.functional.linear_cross_entropy",
    domain=_DOMAIN,
    samples=(
        call(T(4, 2), T(3, 2), T(4, domain=_CLASS)),
        call(T(4, 2), T(3, 2), T(4, domain=_CLASS), linear_bias=T(3), reduction="sum"),
        call(T(2), T(3, 2), T(domain=_CLASS), label_smoothing=0.1),
        call(T(4, 2), T(3, 5, 2), T(4, 5, domain=_CLASS), reduction="none"),
    ),
    errors=(
        call(T(4, 2), T(3, 5), T(4, domain=_CLASS)),
        call(T(2, 2, 2), T(3, 2), T(4, domain=_CLASS)),
        call(T(4, 2), T(3, 2), T(4, domain=_CLASS), linear_bias=T(2)),
    ),
)
def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Any:
    """Cross-entropy of scores that an affine map makes of the input.

    Formula: l = cross_entropy(x Wᵀ + b, t). Gradient: as of its parts. ``options``, which in torch
    say in how large pieces it is worked out, change nothing here.

    Shape: (N, D) or (D), (C, *, D), (N, *) or (), and b (C, *) -> (), or (N, *).
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear_cross_entropy.html

    >>> import minigrad as torch
    >>> x, w = torch.tensor([[1., 0.]]), torch.tensor([[2., 0.], [0., 0.]])
    >>> torch.nn.functional.linear_cross_entropy(x, w, torch.tensor([0]))
    tensor(0.1269)
    """
    op, shape, maps = "linear_cross_entropy", input._array.shape, linear_weight._array.shape
    if not 1 <= len(shape) <= 2:
        raise ShapeError(f"expected input with dimensionality 1 or 2, got {len(shape)} ({op})")
    if len(maps) < 2:
        raise ShapeError(
            f"expected linear_weight with dimensionality at least 2, got {len(maps)} ({op})"
        )
    if shape[-1] != maps[-1]:
        raise ShapeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{shape[-1]} and {maps[-1]}, respectively ({op})"
        )
    if linear_bias is not None:
        if linear_bias._array.shape != maps[:-1]:
            raise ShapeError(
                f"expected linear_bias shape {maps[:-1]}, got {linear_bias._array.shape} ({op})"
            )
        linear_bias = linear_bias.reshape(-1)
    if len(maps) > 2 and len(shape) < 2:
        raise ShapeError(f"{op}: a weight of shape {list(maps)} requires batched input")
    logits = (*shape[:-1], *maps[:-1])
    if ignore_index is not None and target._array.shape == logits:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    scores = linear(input, linear_weight.reshape((-1, maps[-1])), linear_bias).reshape(logits)
    return cross_entropy(
        scores,
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
    )
