"""Channels in another order."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.tensor import Tensor

__all__ = ["ChannelShuffle"]


class ChannelShuffle(Layer):
    """Deal the channels out to the groups like cards, so that each group sees all others.

    Channel (g, c) of ``groups`` x C / groups goes to place (c, g). Shape: (N, C, *), unchanged.

    Source: Zhang et al., ShuffleNet, 2018.

    >>> import minigrad as torch
    >>> torch.nn.ChannelShuffle(2)(torch.arange(4.0).reshape(1, 4, 1)).flatten()
    tensor([0., 2., 1., 3.])
    """

    shown = "groups={0.groups}"

    def __init__(self, groups: int) -> None:
        super().__init__(groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        """The input, its channels in another order."""
        return F.channel_shuffle(input, self.groups)
