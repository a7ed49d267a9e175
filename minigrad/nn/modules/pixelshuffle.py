"""Channels made into pixels, and pixels into channels.

Source: Shi et al., Real-time single image and video super-resolution, 2016.
"""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.tensor import Tensor

__all__ = ["PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Layer):
    """Spread groups of r^2 channels over squares of r x r pixels.

    Shape: (*, C r^2, H, W) -> (*, C, H r, W r).

    >>> import minigrad as torch
    >>> torch.nn.PixelShuffle(2)(torch.arange(4.0).reshape(1, 4, 1, 1))
    tensor([[[[0., 1.],
              [2., 3.]]]])
    """

    shown = "upscale_factor={0.upscale_factor}"

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=upscale_factor)

    def forward(self, input: Tensor) -> Tensor:
        """A larger image of fewer channels."""
        return F.pixel_shuffle(input, self.upscale_factor)


class PixelUnshuffle(Layer):
    """Gather squares of r x r pixels as r^2 channels: the inverse of ``PixelShuffle``.

    Shape: (*, C, H r, W r) -> (*, C r^2, H, W).

    >>> import minigrad as torch
    >>> torch.nn.PixelUnshuffle(2)(torch.arange(4.0).reshape(1, 1, 2, 2)).flatten()
    tensor([0., 1., 2., 3.])
    """

    shown = "downscale_factor={0.downscale_factor}"

    def __init__(self, downscale_factor: int) -> None:
        super().__init__(downscale_factor=downscale_factor)

    def forward(self, input: Tensor) -> Tensor:
        """A smaller image of more channels."""
        return F.pixel_unshuffle(input, self.downscale_factor)
