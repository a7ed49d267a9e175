"""The loss of a sequence that is not aligned with its target."""

from __future__ import annotations

from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.modules.loss.base import _Loss
from minigrad.tensor import Tensor

__all__ = ["CTCLoss"]


class CTCLoss(_Loss):
    """l = -log of the sum over all alignments of the target with the input of their probability.

    ``blank`` is the class that stands for none; ``zero_infinity`` makes losses zero whose target
    does not fit into its input.

    Shape: log_probs (T, N, C) or (T, C), targets (N, S) or all in one row, lengths (N) or ().

    Source: Graves et al., Connectionist temporal classification, 2006.

    >>> import minigrad as torch
    >>> log_probs = torch.full((2, 1, 2), 0.5).log()
    >>> loss = torch.nn.CTCLoss(reduction="sum")
    >>> loss(log_probs, torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1])).exp()
    tensor(1.3333)
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any
    ) -> Tensor:
        """The negative log-likelihood of the targets."""
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )
