"""Losses of numbers: how far an input is from its target."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.loss.base import _Loss
from minigrad.tensor import Tensor

__all__ = ["HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss"]


class MSELoss(_Loss):
    """l = (x - y)^2, then the mean.

    Shape: input and target alike; the result has none, or theirs with ``reduction="none"``.

    >>> import minigrad as torch
    >>> torch.nn.MSELoss()(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The squared error."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """l = |x - y|, then the mean. Shape: as ``MSELoss``.

    >>> import minigrad as torch
    >>> torch.nn.L1Loss()(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(1.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The absolute error."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """l = (x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta / 2, then the mean.

    Shape: as ``MSELoss``. Source: Girshick, Fast R-CNN, 2015.

    >>> import minigrad as torch
    >>> torch.nn.SmoothL1Loss()(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(0.7500)
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The error, squared near zero and absolute beyond."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """l = (x - y)^2 / 2 where |x - y| < delta, else delta (|x - y| - delta / 2), then the mean.

    Shape: as ``MSELoss``. Source: Huber, Robust estimation of a location parameter, 1964.

    Raises: TypeError for a delta that is no number.

    >>> import minigrad as torch
    >>> torch.nn.HuberLoss()(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(0.7500)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The error, squared near zero and linear beyond."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)
