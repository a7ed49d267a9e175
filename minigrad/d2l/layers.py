"""The layers and the network that several chapters of the book share.

Source: https://d2l.ai/chapter_convolutional-modern/resnet.html
"""

from __future__ import annotations

from minigrad import Tensor, nn, zeros
from minigrad.nn import functional as F

__all__ = ["Residual", "corr2d", "resnet18"]


def corr2d(X: Tensor, K: Tensor) -> Tensor:
    """The cross-correlation of a picture with a kernel, element by element.

    Y[i, j] = sum of X[i:i+h, j:j+w] * K;    (H, W), (h, w) -> (H-h+1, W-w+1)

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.corr2d(torch.arange(9.0).reshape(3, 3), torch.arange(4.0).reshape(2, 2))
    tensor([[19., 25.],
            [37., 43.]])
    """
    h, w = K.shape
    Y = zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


class Residual(nn.Module):
    """Two 3x3 convolutions whose result is added to their input.

    ``use_1x1conv`` changes the input's channels, and by ``strides`` its size, so that they fit.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.Residual(3, 6, use_1x1conv=True, strides=2)(torch.rand(4, 3, 6, 6)).shape
    torch.Size([4, 6, 3, 3])

    Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    """

    def __init__(
        self, input_channels: int, num_channels: int, use_1x1conv: bool = False, strides: int = 1
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            input_channels, num_channels, kernel_size=3, padding=1, stride=strides
        )
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1)
        self.conv3 = (
            nn.Conv2d(input_channels, num_channels, kernel_size=1, stride=strides)
            if use_1x1conv
            else None
        )
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.bn2 = nn.BatchNorm2d(num_channels)

    def forward(self, X: Tensor) -> Tensor:
        """X (N, C, H, W) -> (N, num_channels, H / strides, W / strides)."""
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        if self.conv3 is not None:
            X = self.conv3(X)
        Y += X
        return F.relu(Y)


def resnet18(num_classes: int, in_channels: int = 1) -> nn.Sequential:
    """The book's ResNet-18 for small pictures: no pooling and no stride at its beginning.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.resnet18(10)(torch.rand(2, 1, 16, 16)).shape
    torch.Size([2, 10])
    """

    def stage(channels: int, width: int, first: bool = False) -> nn.Sequential:
        head = Residual(channels, width) if first else Residual(channels, width, True, 2)
        return nn.Sequential(head, Residual(width, width))

    net = nn.Sequential(
        nn.Conv2d(in_channels, 64, kernel_size=3, stride=1, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
    )
    net.add_module("resnet_block1", stage(64, 64, first=True))
    net.add_module("resnet_block2", stage(64, 128))
    net.add_module("resnet_block3", stage(128, 256))
    net.add_module("resnet_block4", stage(256, 512))
    net.add_module("global_avg_pool", nn.AdaptiveAvgPool2d((1, 1)))
    net.add_module("fc", nn.Sequential(nn.Flatten(), nn.Linear(512, num_classes)))
    return net
