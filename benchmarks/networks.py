"""Convolutional networks whose training is measured; the same lines for every library.

They are those of 'Dive into Deep Learning' (LeNet to ResNet-18, for one colour) and ResNet-50.
"""

from __future__ import annotations

from typing import Any

from benchmarks.models import CLASSES


def _conv(lib: Any, before: int, after: int, size: int, **options: Any) -> list[Any]:
    return [lib.nn.Conv2d(before, after, size, **options), lib.nn.ReLU()]


def _head(lib: Any, before: int, width: int) -> list[Any]:
    """Two wide layers with dropout, and the classes."""
    nn = lib.nn
    layers: list[Any] = [nn.Flatten()]
    for size in (before, width):
        layers += [nn.Linear(size, width), nn.ReLU(), nn.Dropout(0.5)]
    return [*layers, nn.Linear(width, CLASSES)]


def alexnet(lib: Any) -> Any:
    """AlexNet; of images of 96x96 a single place is left before the wide layers."""
    pool = lib.nn.MaxPool2d
    return lib.nn.Sequential(
        *_conv(lib, 1, 96, 11, stride=4, padding=1),
        pool(3, 2),
        *_conv(lib, 96, 256, 5, padding=2),
        pool(3, 2),
        *_conv(lib, 256, 384, 3, padding=1),
        *_conv(lib, 384, 384, 3, padding=1),
        *_conv(lib, 384, 256, 3, padding=1),
        pool(3, 2),
        *_head(lib, 256, 4096),
    )


def vgg(lib: Any) -> Any:
    """VGG-11 with a quarter of the channels, for images of 96x96."""
    layers: list[Any] = []
    before = 1
    for count, after in ((1, 16), (1, 32), (2, 64), (2, 128), (2, 128)):
        for _ in range(count):
            layers += _conv(lib, before, after, 3, padding=1)
            before = after
        layers.append(lib.nn.MaxPool2d(2, 2))
    return lib.nn.Sequential(*layers, *_head(lib, 128 * 3 * 3, 4096))


def googlenet(lib: Any) -> Any:
    """GoogLeNet: four ways through each block, side by side."""
    nn = lib.nn

    class Inception(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, before: int, a: int, b: Any, c: Any, d: int) -> None:
            super().__init__()
            self.ways = nn.ModuleList(
                [
                    nn.Sequential(*_conv(lib, before, a, 1)),
                    nn.Sequential(
                        *_conv(lib, before, b[0], 1), *_conv(lib, b[0], b[1], 3, padding=1)
                    ),
                    nn.Sequential(
                        *_conv(lib, before, c[0], 1), *_conv(lib, c[0], c[1], 5, padding=2)
                    ),
                    nn.Sequential(nn.MaxPool2d(3, 1, 1), *_conv(lib, before, d, 1)),
                ]
            )

        def forward(self, x: Any) -> Any:
            return lib.cat([way(x) for way in self.ways], dim=1)

    def pool() -> Any:
        return nn.MaxPool2d(3, 2, 1)

    return nn.Sequential(
        *_conv(lib, 1, 64, 7, stride=2, padding=3),
        pool(),
        *_conv(lib, 64, 64, 1),
        *_conv(lib, 64, 192, 3, padding=1),
        pool(),
        Inception(192, 64, (96, 128), (16, 32), 32),
        Inception(256, 128, (128, 192), (32, 96), 64),
        pool(),
        Inception(480, 192, (96, 208), (16, 48), 64),
        Inception(512, 160, (112, 224), (24, 64), 64),
        Inception(512, 128, (128, 256), (24, 64), 64),
        Inception(512, 112, (144, 288), (32, 64), 64),
        Inception(528, 256, (160, 320), (32, 128), 128),
        pool(),
        Inception(832, 256, (160, 320), (32, 128), 128),
        Inception(832, 384, (192, 384), (48, 128), 128),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(1024, CLASSES),
    )


def _residual(lib: Any, before: int, sizes: Any, stride: int) -> Any:
    """A block of convolutions with a way around them; ``sizes`` are (channels, kernel) pairs.

    The first 3x3 convolution takes the stride.
    """
    nn = lib.nn
    layers: list[Any] = []
    width = before
    steps = iter([stride])
    for after, size in sizes:
        step = next(steps, 1) if size == 3 else 1
        conv = nn.Conv2d(width, after, size, stride=step, padding=size // 2, bias=False)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU()]
        width = after
    around = [nn.Conv2d(before, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)]

    class Residual(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.straight = nn.Sequential(*layers[:-1])
            self.around = nn.Sequential(*(around if stride != 1 or before != width else ()))

        def forward(self, x: Any) -> Any:
            return lib.nn.functional.relu(self.straight(x) + self.around(x))

    return Residual()


def resnet18(lib: Any) -> Any:
    """ResNet-18 for small images: a first layer of 3x3 without a stride."""
    nn = lib.nn
    layers = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    before = 64
    for stage, width in enumerate((64, 128, 256, 512)):
        for number in range(2):
            stride = 2 if stage and not number else 1
            layers.append(_residual(lib, before, ((width, 3), (width, 3)), stride))
            before = width
    return nn.Sequential(*layers, *_pooled(lib, before))


def resnet50(lib: Any) -> Any:
    """ResNet-50: blocks with a narrow middle."""
    nn = lib.nn
    layers = [nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, 1))
    before = 64
    for stage, (width, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for number in range(count):
            stride = 2 if stage and not number else 1
            sizes = ((width, 1), (width, 3), (4 * width, 1))
            layers.append(_residual(lib, before, sizes, stride))
            before = 4 * width
    return nn.Sequential(*layers, *_pooled(lib, before))


def _pooled(lib: Any, before: int) -> list[Any]:
    nn = lib.nn
    return [nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(before, CLASSES)]
