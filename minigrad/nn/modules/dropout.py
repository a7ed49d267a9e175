"""Layers that leave out random parts in training."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.module import Module
from minigrad.tensor import Tensor

__all__ = ["Dropout"]


class Dropout(Module):
    """Set each element to zero with probability p in training, and scale the rest.

    y = x * m / (1 - p) with m drawn from Bernoulli(1 - p); y = x in evaluation mode.

    Shape: any. Source: Hinton et al., Improving neural networks by preventing co-adaptation of
    feature detectors, 2012.

    Raises: ValueError unless p lies between 0 and 1.

    >>> import minigrad as torch
    >>> torch.nn.Dropout(p=0.2).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input with parts left out."""
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The probability, and whether the input is overwritten."""
        return f"p={self.p}, inplace={self.inplace}"
