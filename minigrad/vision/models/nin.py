"""NiN: networks in the network, and no fully connected layer."""

from __future__ import annotations

from typing import Any

from minigrad import nn
from minigrad.vision.models.zoo import register_model

__all__ = ["NiN", "nin"]


def nin_block(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0
) -> nn.Sequential:
    """A convolution and two of 1 x 1, which are a small network at each place of the image."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1),
        nn.ReLU(),
    )


class NiN(nn.Sequential):
    """Four blocks; the last has a channel for each class, whose mean over the image is its score.

    Shape: (N, in_channels, H, W) with H, W at least 67, to (N, num_classes), scores.

    Source: Lin, Chen, Yan, "Network in network", 2013, https://arxiv.org/abs/1312.4400; the sizes
    are those of the book "Dive into deep learning", section 8.3.

    >>> from minigrad.vision.models import NiN
    >>> sum(p.numel() for p in NiN().parameters())
    1992166
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, dropout: float = 0.5) -> None:
        super().__init__(  # (N, in_channels, 224, 224)
            nin_block(in_channels, 96, kernel_size=11, stride=4),  # (N, 96, 54, 54)
            nn.MaxPool2d(3, stride=2),  # (N, 96, 26, 26)
            nin_block(96, 256, kernel_size=5, padding=2),
            nn.MaxPool2d(3, stride=2),  # (N, 256, 12, 12)
            nin_block(256, 384, kernel_size=3, padding=1),
            nn.MaxPool2d(3, stride=2),  # (N, 384, 5, 5)
            nn.Dropout(dropout),
            nin_block(384, num_classes, kernel_size=3, padding=1),  # (N, num_classes, 5, 5)
            nn.AdaptiveAvgPool2d((1, 1)),
            nn.Flatten(),
        )


@register_model(1_992_166, input_size=(1, 224, 224))
def nin(**options: Any) -> NiN:
    """NiN with 1,992,166 parameters; ``options`` go to :class:`NiN`.

    >>> from minigrad.vision.models import nin
    >>> nin(num_classes=5)[7][4]
    Conv2d(5, 5, kernel_size=(1, 1), stride=(1, 1))
    """
    return NiN(**options)
