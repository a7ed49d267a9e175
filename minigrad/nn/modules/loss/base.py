"""What the losses share: how their elements are reduced, and weights of classes."""

from __future__ import annotations

import warnings

from minigrad.nn.modules.module import Module
from minigrad.tensor import Tensor

__all__: list[str] = []


def _reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """What the two old arguments mean, if one of them is used; they warn as torch's do."""
    if size_average is None and reduce is None:
        return reduction
    for flag in (size_average, reduce):
        if isinstance(flag, Tensor):
            raise RuntimeError(
                "a loss is made first and then called with tensors: nn.MSELoss()(input, target), "
                "or F.mse_loss(input, target)"
            )
    meant = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{meant}' instead.",
        stacklevel=4,
    )
    return meant


class _Loss(Module):
    """A loss that is reduced to its "mean" or "sum", or left alone ("none")."""

    reduction: str

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.reduction = _reduction(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    """A loss with a weight per class (or element) that moves with the module."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
