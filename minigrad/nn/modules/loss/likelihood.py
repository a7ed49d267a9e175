"""Losses of distributions: how unlikely a target is, and how far two distributions are apart."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.loss.base import _Loss
from minigrad.tensor import Tensor

__all__ = ["GaussianNLLLoss", "KLDivLoss", "PoissonNLLLoss"]


class KLDivLoss(_Loss):
    """l = y (log y - x) for log-probabilities x, then the mean; ``"batchmean"`` divides by N.

    With ``log_target`` the target gives log-probabilities too. Shape: as ``MSELoss``.

    >>> import minigrad as torch
    >>> half = torch.tensor([[0.5, 0.5]])
    >>> torch.nn.KLDivLoss(reduction="batchmean")(half.log(), half)
    tensor(0.)
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The divergence of the target from the input."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(_Loss):
    """l = e^x - y x for the logarithm x of a Poisson mean and a count y, then the mean.

    Without ``log_input`` x is the mean itself: l = x - y log(x + eps). ``full`` adds Stirling's
    approximation of log(y!). Shape: as ``MSELoss``.

    >>> import minigrad as torch
    >>> torch.nn.PoissonNLLLoss()(torch.zeros(2), torch.tensor([0.0, 3.0]))
    tensor(1.)
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        """The negative log-likelihood of the counts."""
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    """l = (log v + (x - y)^2 / v) / 2 for a mean x and a variance v, not below eps; then the mean.

    ``full`` adds log(2 pi) / 2. Shape: as ``MSELoss``; v like x, or with a last size of 1 or none.

    Raises: ValueError for a negative variance, or one of another shape.

    >>> import minigrad as torch
    >>> torch.nn.GaussianNLLLoss()(torch.zeros(2), torch.ones(2), torch.ones(2))
    tensor(0.5000)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """The negative log-likelihood of the target."""
        return F.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )
