"""Nonlinearities that pull towards zero what is near it."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.nn.modules.module import Module
from minigrad.tensor import Tensor

__all__ = ["Hardshrink", "Softshrink", "Tanhshrink"]


class Tanhshrink(Module):
    """y = x - tanh(x). Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Tanhshrink()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x - tanh(x)."""
        return F.tanhshrink(input)


class Softshrink(Layer):
    """y = x moved by lambd towards zero, and zero within lambd of it. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softshrink()(torch.tensor([-1.0, 0.2]))
    tensor([-0.5000,  0.0000])
    """

    shown = "{0.lambd}"

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd=lambd)

    def forward(self, input: Tensor) -> Tensor:
        """The input, moved towards zero."""
        return F.softshrink(input, self.lambd)


class Hardshrink(Layer):
    """y = x, and zero within lambd of zero. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Hardshrink()(torch.tensor([-1.0, 0.2]))
    tensor([-1.,  0.])
    """

    shown = "{0.lambd}"

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd=lambd)

    def forward(self, input: Tensor) -> Tensor:
        """The input without what is near zero."""
        return F.hardshrink(input, self.lambd)
