"""Numbers made into probabilities along a dimension."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.nn.modules.module import Module
from minigrad.nn.modules.naming import init_per_class
from minigrad.tensor import Tensor

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


@init_per_class
class _AlongDim(Layer):
    """What the softmaxes share: the dimension."""

    shown = "dim={0.dim}"

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)


class Softmax(_AlongDim):
    """y_i = e^x_i / sum over j of e^x_j, along one dimension. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softmax(dim=1)(torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Numbers that are positive and sum to one."""
        return F.softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongDim):
    """y_i = e^-x_i / sum over j of e^-x_j, along one dimension. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.Softmin(dim=1)(torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Numbers that are positive and sum to one, the largest for the smallest input."""
        return F.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongDim):
    """y_i = x_i - log(sum over j of e^x_j), along one dimension. Shape: any.

    >>> import minigrad as torch
    >>> torch.nn.LogSoftmax(dim=1)(torch.zeros(1, 2))
    tensor([[-0.6931, -0.6931]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The logarithm of the softmax, without forming it."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """The softmax over the channels, for each place of an image.

    Shape: (N, C, H, W) or (C, H, W), unchanged. Raises: ValueError for other numbers of dimensions.

    >>> import minigrad as torch
    >>> torch.nn.Softmax2d()(torch.zeros(2, 1, 1)).flatten()
    tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Numbers that are positive and sum to one over the channels."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3, _stacklevel=5)
