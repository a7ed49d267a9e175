"""The layers and the network that several chapters of the book share.

Source: https://d2l.ai/chapter_convolutional-modern/resnet.html
"""

from __future__ import annotations

from typing import Any

from minigrad import Tensor, nn, zeros
from minigrad.nn import functional as F

__all__ = ["ResNeXtBlock", "Residual", "corr2d", "resnet18"]


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

    ``Residual(num_channels, use_1x1conv=False, strides=1)`` learns its number of input channels
    from its first input; ``Residual(input_channels, num_channels, ...)`` is told it. With
    ``use_1x1conv`` the input's channels are changed, and by ``strides`` its size, so that they fit.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.Residual(6, use_1x1conv=True, strides=2)(torch.rand(4, 3, 6, 6)).shape
    torch.Size([4, 6, 3, 3])
    >>> d2l.Residual(3, 3)(torch.rand(4, 3, 6, 6)).shape
    torch.Size([4, 3, 6, 6])

    Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    """

    def __init__(self, *channels: Any, **options: Any) -> None:
        super().__init__()
        chosen = _residual_options(channels, options)
        (*inputs, width), use_1x1conv, strides = chosen

        def conv(*shape: int, **more: int) -> nn.Module:
            make = nn.Conv2d if len(shape) == 2 else nn.LazyConv2d
            layer: nn.Module = make(*shape, **more)  # type: ignore[arg-type]
            return layer

        again = [width] if inputs else []
        self.conv1 = conv(*inputs, width, kernel_size=3, padding=1, stride=strides)
        self.conv2 = conv(*again, width, kernel_size=3, padding=1)
        skip = conv(*inputs, width, kernel_size=1, stride=strides) if use_1x1conv else None
        self.conv3 = skip
        self.bn1 = nn.BatchNorm2d(width) if inputs else nn.LazyBatchNorm2d()
        self.bn2 = nn.BatchNorm2d(width) if inputs else nn.LazyBatchNorm2d()

    def forward(self, X: Tensor) -> Tensor:
        """X (N, C, H, W) -> (N, num_channels, H / strides, W / strides)."""
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        if self.conv3 is not None:
            X = self.conv3(X)
        Y += X
        return F.relu(Y)


def _residual_options(args: Any, named: Any) -> tuple[list[int], bool, int]:
    """The numbers of channels, and the two options, of either edition's arguments."""
    names = ["num_channels", "use_1x1conv", "strides"]
    counts = [type(n) is int for n in args[:2]]
    if "input_channels" in named or counts == [True, True]:
        names.insert(0, "input_channels")
    if len(args) > len(names):
        raise TypeError(f"Residual takes {', '.join(names)}, got {len(args)} arguments")
    given = {**dict(zip(names, args, strict=False)), **named}
    unknown = given.keys() - {*names}
    if unknown or "num_channels" not in given:
        raise TypeError(f"Residual takes {', '.join(names)}, got {', '.join(given) or 'nothing'}")
    channels = [given[name] for name in names if name.endswith("channels")]
    return channels, given.get("use_1x1conv", False), given.get("strides", 1)


class ResNeXtBlock(nn.Module):
    """A residual block around a convolution in groups.

    Args:
        num_channels: of the output.
        groups: channels in one group of the middle convolution, by which their number is divided.
        bot_mul: the share of the channels that the middle convolution has.
        use_1x1conv, strides: as in :class:`Residual`.

    >>> import minigrad as torch
    >>> from minigrad import d2l
    >>> d2l.ResNeXtBlock(32, 16, 1)(torch.randn(4, 32, 96, 96)).shape
    torch.Size([4, 32, 96, 96])

    Source: Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", CVPR 2017.
    """

    def __init__(
        self,
        num_channels: int,
        groups: int,
        bot_mul: float,
        use_1x1conv: bool = False,
        strides: int = 1,
    ) -> None:
        super().__init__()
        width = round(num_channels * bot_mul)
        self.conv1 = nn.LazyConv2d(width, kernel_size=1, stride=1)
        self.conv2 = nn.LazyConv2d(
            width, kernel_size=3, stride=strides, padding=1, groups=width // groups
        )
        self.conv3 = nn.LazyConv2d(num_channels, kernel_size=1, stride=1)
        self.bn1 = nn.LazyBatchNorm2d()
        self.bn2 = nn.LazyBatchNorm2d()
        self.bn3 = nn.LazyBatchNorm2d()
        self.conv4 = (
            nn.LazyConv2d(num_channels, kernel_size=1, stride=strides) if use_1x1conv else None
        )
        self.bn4 = nn.LazyBatchNorm2d() if use_1x1conv else None

    def forward(self, X: Tensor) -> Tensor:
        """X (N, C, H, W) -> (N, num_channels, H / strides, W / strides)."""
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = F.relu(self.bn2(self.conv2(Y)))
        Y = self.bn3(self.conv3(Y))
        if self.conv4 is not None and self.bn4 is not None:
            X = self.bn4(self.conv4(X))
        return F.relu(Y + X)


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
