"""The networks of the study notes, as they are written there; ``torch`` is either package.

They follow the book "Dive into Deep Learning" (chapters 5 to 8): one channel, ten classes.
Each ``build`` takes the package, and the size of the images where the network depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def mlp(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10)
    )


def lenet(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(  # (N, 1, 28, 28)
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )


def alexnet(torch: Any, features: int = 6400, width: int = 4096) -> Any:
    """``features`` is 6400 for images of 224, ``width`` that of the linear layers."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 96, kernel_size=11, stride=4, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(96, 256, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(256, 384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Flatten(),
        nn.Linear(features, width),
        nn.ReLU(),
        nn.Dropout(p=0.5),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Dropout(p=0.5),
        nn.Linear(width, 10),
    )


def vgg_block(torch: Any, convolutions: int, in_channels: int, out_channels: int) -> Any:
    nn = torch.nn
    layers: list[Any] = []
    for _ in range(convolutions):
        layers += [nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1), nn.ReLU()]
        in_channels = out_channels
    return nn.Sequential(*layers, nn.MaxPool2d(kernel_size=2, stride=2))


VGG_ARCH = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))


def vgg(torch: Any, ratio: int = 1, width: int = 4096, lazy: bool = True) -> Any:
    """VGG-11, or with channels divided by ``ratio``; the first linear layer finds its own size."""
    nn = torch.nn
    blocks, channels = [], 1
    for convolutions, out in VGG_ARCH:
        blocks.append(vgg_block(torch, convolutions, channels, out // ratio))
        channels = out // ratio
    first = nn.LazyLinear(width) if lazy else nn.Linear(channels * 7 * 7, width)
    return nn.Sequential(
        *blocks,
        nn.Flatten(),
        first,
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(width, 10),
    )


def nin_block(torch: Any, channels: int, out: int, size: int, stride: int, padding: int) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(channels, out, size, stride, padding),
        nn.ReLU(),
        nn.Conv2d(out, out, kernel_size=1),
        nn.ReLU(),
        nn.Conv2d(out, out, kernel_size=1),
        nn.ReLU(),
    )


def nin(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nin_block(torch, 1, 96, 11, 4, 0),
        nn.MaxPool2d(3, stride=2),
        nin_block(torch, 96, 256, 5, 1, 2),
        nn.MaxPool2d(3, stride=2),
        nin_block(torch, 256, 384, 3, 1, 1),
        nn.MaxPool2d(3, stride=2),
        nn.Dropout(0.5),
        nin_block(torch, 384, 10, 3, 1, 1),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )


def googlenet(torch: Any) -> Any:
    """Without batch normalisation, without auxiliary heads."""
    nn = torch.nn
    F = torch.nn.functional

    class Inception(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self, c: int, c1: int, c2: Any, c3: Any, c4: int) -> None:
            super().__init__()
            self.p1_1 = nn.Conv2d(c, c1, kernel_size=1)
            self.p2_1 = nn.Conv2d(c, c2[0], kernel_size=1)
            self.p2_2 = nn.Conv2d(c2[0], c2[1], kernel_size=3, padding=1)
            self.p3_1 = nn.Conv2d(c, c3[0], kernel_size=1)
            self.p3_2 = nn.Conv2d(c3[0], c3[1], kernel_size=5, padding=2)
            self.p4_1 = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
            self.p4_2 = nn.Conv2d(c, c4, kernel_size=1)

        def forward(self, x: Any) -> Any:
            p1 = F.relu(self.p1_1(x))
            p2 = F.relu(self.p2_2(F.relu(self.p2_1(x))))
            p3 = F.relu(self.p3_2(F.relu(self.p3_1(x))))
            p4 = F.relu(self.p4_2(self.p4_1(x)))
            return torch.cat((p1, p2, p3, p4), dim=1)

    def halve() -> Any:
        return nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    b1 = nn.Sequential(nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3), nn.ReLU(), halve())
    b2 = nn.Sequential(
        nn.Conv2d(64, 64, kernel_size=1),
        nn.ReLU(),
        nn.Conv2d(64, 192, kernel_size=3, padding=1),
        nn.ReLU(),
        halve(),
    )
    b3 = nn.Sequential(
        Inception(192, 64, (96, 128), (16, 32), 32),
        Inception(256, 128, (128, 192), (32, 96), 64),
        halve(),
    )
    b4 = nn.Sequential(
        Inception(480, 192, (96, 208), (16, 48), 64),
        Inception(512, 160, (112, 224), (24, 64), 64),
        Inception(512, 128, (128, 256), (24, 64), 64),
        Inception(512, 112, (144, 288), (32, 64), 64),
        Inception(528, 256, (160, 320), (32, 128), 128),
        halve(),
    )
    b5 = nn.Sequential(
        Inception(832, 256, (160, 320), (32, 128), 128),
        Inception(832, 384, (192, 384), (48, 128), 128),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )
    return nn.Sequential(b1, b2, b3, b4, b5, nn.Linear(1024, 10))


def batch_norm(
    torch: Any, X: Any, gamma: Any, beta: Any, mean: Any, var: Any, eps: float, momentum: float
) -> Any:
    """From scratch; the moving averages keep their graph, as in the notes."""
    if not torch.is_grad_enabled():
        X_hat = (X - mean) / torch.sqrt(var + eps)
    else:
        axes = (0,) if X.dim() == 2 else (0, 2, 3)
        now = X.mean(dim=axes, keepdim=True)
        spread = ((X - now) ** 2).mean(dim=axes, keepdim=True)
        X_hat = (X - now) / torch.sqrt(spread + eps)
        mean = momentum * mean + (1.0 - momentum) * now
        var = momentum * var + (1.0 - momentum) * spread
    return gamma * X_hat + beta, mean.data, var.data


def scratch_batch_norm(torch: Any) -> Any:
    """LeNet with the batch normalisation from scratch."""
    nn = torch.nn

    class BatchNorm(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self, features: int, dims: int) -> None:
            super().__init__()
            shape = (1, features) if dims == 2 else (1, features, 1, 1)
            self.gamma = nn.Parameter(torch.ones(shape))
            self.beta = nn.Parameter(torch.zeros(shape))
            self.moving_mean = torch.zeros(shape)
            self.moving_var = torch.ones(shape)

        def forward(self, X: Any) -> Any:
            self.moving_mean = self.moving_mean.to(X)
            self.moving_var = self.moving_var.to(X)
            Y, self.moving_mean, self.moving_var = batch_norm(
                torch,
                X,
                self.gamma,
                self.beta,
                self.moving_mean,
                self.moving_var,
                eps=1e-5,
                momentum=0.9,
            )
            return Y

    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5),
        BatchNorm(6, dims=4),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5),
        BatchNorm(16, dims=4),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 120),
        BatchNorm(120, dims=2),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        BatchNorm(84, dims=2),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )


def resnet(torch: Any) -> Any:
    """ResNet-18 in five stages, with a residual block whose convolutions have biases."""
    nn = torch.nn
    F = torch.nn.functional

    class Residual(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self, channels: int, out: int, use_1x1: bool = False, strides: int = 1):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, out, kernel_size=3, padding=1, stride=strides)
            self.conv2 = nn.Conv2d(out, out, kernel_size=3, padding=1)
            self.conv3 = nn.Conv2d(channels, out, 1, stride=strides) if use_1x1 else None
            self.bn1 = nn.BatchNorm2d(out)
            self.bn2 = nn.BatchNorm2d(out)

        def forward(self, X: Any) -> Any:
            Y = F.relu(self.bn1(self.conv1(X)))
            Y = self.bn2(self.conv2(Y))
            if self.conv3:
                X = self.conv3(X)
            Y += X
            return F.relu(Y)

    def block(channels: int, out: int, number: int, first: bool = False) -> list[Any]:
        return [
            Residual(channels, out, use_1x1=True, strides=2)
            if i == 0 and not first
            else Residual(out, out)
            for i in range(number)
        ]

    b1 = nn.Sequential(
        nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )
    b2 = nn.Sequential(*block(64, 64, 2, first=True))
    b3 = nn.Sequential(*block(64, 128, 2))
    b4 = nn.Sequential(*block(128, 256, 2))
    b5 = nn.Sequential(*block(256, 512, 2))
    return nn.Sequential(
        b1, b2, b3, b4, b5, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(512, 10)
    )


Build = Callable[..., Any]
# What the notes say of their sizes; all but the first three are for images of 224 x 224.
PARAMETERS: dict[str, tuple[Build, int]] = {
    "alexnet": (alexnet, 46_764_746),
    "vgg": (vgg, 128_806_154),
    "nin": (nin, 1_992_166),
    "googlenet": (googlenet, 5_977_530),
    "resnet": (resnet, 11_178_378),
}
