"""GoogLeNet: convolutions of several sizes side by side, so that the network chooses its scale."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.nn import functional as F
from minigrad.vision.models.weights import GoogLeNet_Weights
from minigrad.vision.models.zoo import register_model

__all__ = ["GoogLeNet", "GoogLeNetOutputs", "googlenet"]

GoogLeNetOutputs = namedtuple("GoogLeNetOutputs", ["logits", "aux_logits2", "aux_logits1"])
GoogLeNetOutputs.__doc__ = """What GoogLeNet returns in training: the scores of all three heads.

>>> from minigrad.vision.models import GoogLeNetOutputs
>>> GoogLeNetOutputs(1, 2, 3)
GoogLeNetOutputs(logits=1, aux_logits2=2, aux_logits1=3)
"""

Blocks = list[Callable[..., nn.Module]]


class BasicConv2d(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """relu(bn(conv(x)))"""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    """Four paths side by side (figure 2 of the paper), joined along the channels.

    The third path has a 3 x 3 convolution where the paper has 5 x 5, as torchvision's weights do.

    Shape: (N, in_channels, H, W) to (N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        conv_block: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        conv = conv_block or BasicConv2d
        self.branch1 = conv(in_channels, ch1x1, kernel_size=1)
        self.branch2 = nn.Sequential(
            conv(in_channels, ch3x3red, kernel_size=1),
            conv(ch3x3red, ch3x3, kernel_size=3, padding=1),
        )
        self.branch3 = nn.Sequential(
            conv(in_channels, ch5x5red, kernel_size=1),
            conv(ch5x5red, ch5x5, kernel_size=3, padding=1),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            conv(in_channels, pool_proj, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The four paths, joined."""
        return mg.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(nn.Module):
    """A second head in the middle of the network, which brings the gradient there in training.

    Shape: (N, in_channels, H, W) to (N, num_classes).
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        conv_block: Callable[..., nn.Module] | None = None,
        dropout: float = 0.7,
    ) -> None:
        super().__init__()
        self.conv = (conv_block or BasicConv2d)(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the images whose features are x."""
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4)))  # (N, 128, 4, 4)
        x = F.relu(self.fc1(x.flatten(1)), inplace=True)
        scores: Tensor = self.fc2(self.dropout(x))
        return scores


class GoogLeNet(nn.Module):
    """Nine Inception modules; in training with two auxiliary heads beside the last one.

    ``transform_input`` turns images that were normalised by torchvision's means and deviations
    into those that the original weights expect, from -1 to 1. ``init_weights=False`` leaves the
    weights as the layers draw them.

    Shape: (N, 3, H, W) to (N, num_classes), scores before the softmax; in training with
    ``aux_logits`` to :class:`GoogLeNetOutputs`.

    Source: Szegedy et al., "Going deeper with convolutions", 2014, https://arxiv.org/abs/1409.4842

    >>> from minigrad.vision.models import GoogLeNet
    >>> GoogLeNet(num_classes=10, init_weights=False).inception5b.branch1.conv
    Conv2d(832, 384, kernel_size=(1, 1), stride=(1, 1), bias=False)
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool | None = None,
        blocks: Blocks | None = None,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        conv, inception, auxiliary = blocks or [BasicConv2d, Inception, InceptionAux]
        self.aux_logits = aux_logits
        self.transform_input = transform_input

        self.conv1 = conv(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = conv(64, 64, kernel_size=1)
        self.conv3 = conv(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)

        # The rows of the paper's table 1.
        self.inception3a = inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = inception(832, 384, 192, 384, 48, 128, 128)

        self.aux1: nn.Module | None = None
        self.aux2: nn.Module | None = None
        if aux_logits:
            self.aux1 = auxiliary(512, num_classes, dropout=dropout_aux)
            self.aux2 = auxiliary(528, num_classes, dropout=dropout_aux)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(1024, num_classes)
        if init_weights or init_weights is None:
            self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, mean=0.0, std=0.01, a=-2, b=2)

    def forward(self, x: Tensor) -> Any:
        """Scores of images (N, 3, H, W), of all heads in training."""
        if self.transform_input:
            x = to_unit_range(x)
        training = self.training and self.aux_logits
        x = self.maxpool1(self.conv1(x))  # (N, 64, 56, 56)
        x = self.maxpool2(self.conv3(self.conv2(x)))  # (N, 192, 28, 28)
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # (N, 480, 14, 14)
        x = self.inception4a(x)  # (N, 512, 14, 14)
        aux1 = self.aux1(x) if self.aux1 is not None and training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))  # (N, 528, 14, 14)
        aux2 = self.aux2(x) if self.aux2 is not None and training else None
        x = self.maxpool4(self.inception4e(x))  # (N, 832, 7, 7)
        x = self.avgpool(self.inception5b(self.inception5a(x)))  # (N, 1024, 1, 1)
        scores = self.fc(self.dropout(x.flatten(1)))
        return GoogLeNetOutputs(scores, aux2, aux1) if training else scores


def to_unit_range(x: Tensor) -> Tensor:
    """Images (N, 3, H, W) normalised as torchvision does, normalised by 0.5 and 0.5 instead."""
    means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    channels = [x[:, i : i + 1] * (deviations[i] / 0.5) + (means[i] - 0.5) / 0.5 for i in range(3)]
    return mg.cat(channels, 1)


@register_model(
    13_004_888,
    GoogLeNet_Weights,
    optional=("aux1", "aux2"),
    transform_input=True,
    init_weights=False,
)
def googlenet(**options: Any) -> GoogLeNet:
    """GoogLeNet with 6,624,904 parameters, and 6,379,984 in its auxiliary heads.

    With ``weights=``, ``transform_input`` is True unless it is given, as torchvision's file wants.

    >>> from minigrad.vision.models import googlenet
    >>> net = googlenet(aux_logits=False, init_weights=False)
    >>> sum(p.numel() for p in net.parameters())
    6624904
    """
    return GoogLeNet(**options)
