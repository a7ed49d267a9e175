"""The convolutions of well-known networks, each as a program: forward, or one of its gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

SEED = 1
PASSES = ("forward", "gradient of the input", "gradient of the weight")


@dataclass(frozen=True)
class Row:
    """A convolution with square kernel, stride and padding."""

    name: str
    size: tuple[int, int, int, int]
    made: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1

    @property
    def flops(self) -> float:
        """Multiplications and additions of the direct sum, in any of the passes."""
        n, c, h, w = self.size
        places = 1
        for length in (h, w):
            places *= (length + 2 * self.padding - self.kernel) // self.stride + 1
        return 2.0 * n * self.made * places * (c // self.groups) * self.kernel**2


ROWS = (
    Row("ResNet 7x7, first", (4, 3, 224, 224), 64, 7, 2, 3),
    Row("ResNet 3x3, 64", (4, 64, 56, 56), 64, 3, 1, 1),
    Row("ResNet 3x3, 64 to 128, stride", (4, 64, 56, 56), 128, 3, 2, 1),
    Row("ResNet 1x1, 64 to 128, stride", (4, 64, 56, 56), 128, 1, 2),
    Row("ResNet 3x3, 128", (4, 128, 28, 28), 128, 3, 1, 1),
    Row("ResNet 3x3, 256", (4, 256, 14, 14), 256, 3, 1, 1),
    Row("ResNet 3x3, 256 to 512, stride", (4, 256, 14, 14), 512, 3, 2, 1),
    Row("ResNet 3x3, 512", (8, 512, 7, 7), 512, 3, 1, 1),
    Row("ResNet-50 1x1, 256 to 64", (4, 256, 56, 56), 64, 1),
    Row("ResNet-50 1x1, 64 to 256", (4, 64, 56, 56), 256, 1),
    Row("ResNet-50 1x1, 1024 to 256", (4, 1024, 14, 14), 256, 1),
    Row("ResNet-50 1x1, 512 to 2048", (8, 512, 7, 7), 2048, 1),
    Row("VGG 3x3, first", (1, 3, 224, 224), 64, 3, 1, 1),
    Row("VGG 3x3, 64", (1, 64, 224, 224), 64, 3, 1, 1),
    Row("VGG 3x3, 512", (2, 512, 14, 14), 512, 3, 1, 1),
    Row("GoogLeNet 5x5, 32 to 96", (4, 32, 28, 28), 96, 5, 1, 2),
    Row("GoogLeNet 1x1, 192 to 16", (4, 192, 28, 28), 16, 1),
    Row("AlexNet 11x11, first", (4, 3, 224, 224), 64, 11, 4, 2),
    Row("AlexNet 5x5, 64 to 192", (4, 64, 27, 27), 192, 5, 1, 2),
    Row("LeNet 5x5, 1 to 6", (256, 1, 28, 28), 6, 5, 1, 2),
    Row("LeNet 5x5, 6 to 16", (256, 6, 14, 14), 16, 5),
    Row("ResNet-20 3x3, 16", (32, 16, 32, 32), 16, 3, 1, 1),
    Row("ResNet-20 3x3, 32", (32, 32, 16, 16), 32, 3, 1, 1),
    Row("ResNeXt 3x3, 32 groups", (4, 128, 28, 28), 128, 3, 1, 1, 32),
    Row("MobileNet 3x3, 32 alone", (4, 32, 112, 112), 32, 3, 1, 1, 32),
    Row("MobileNet 3x3, 64 alone, stride", (4, 64, 112, 112), 64, 3, 2, 1, 64),
    Row("MobileNet 3x3, 128 alone", (4, 128, 56, 56), 128, 3, 1, 1, 128),
    Row("MobileNet 3x3, 512 alone", (4, 512, 14, 14), 512, 3, 1, 1, 512),
    Row("MobileNet 3x3, 512 alone, stride", (4, 512, 14, 14), 512, 3, 2, 1, 512),
    Row("MobileNet 3x3, 1024 alone", (4, 1024, 7, 7), 1024, 3, 1, 1, 1024),
    Row("one image, 3x3, 64", (1, 64, 14, 14), 64, 3, 1, 1),
)


def convolution(lib: Any, device: str, layer: str, part: str) -> Callable[[], list[Any]]:
    """One pass of a layer, by its name; a gradient is one sweep over a graph that is kept."""
    row = next(row for row in ROWS if row.name == layer)
    random = np.random.default_rng(SEED)
    n, c, h, w = row.size
    shapes = ((n, c, h, w), (row.made, c // row.groups, row.kernel, row.kernel), (row.made,))
    arrays = [random.standard_normal(s).astype(np.float32) for s in shapes]
    x, weight, bias = (lib.tensor(array, device=device) for array in arrays)
    function = lib.nn.functional.conv2d
    numbers = {"stride": row.stride, "padding": row.padding, "groups": row.groups}
    if part == PASSES[0]:
        return lambda: [function(x, weight, bias, **numbers)]
    wanted = x if part == PASSES[1] else weight
    wanted.requires_grad_()
    y = function(x, weight, None, **numbers)
    g = lib.tensor(random.standard_normal(tuple(y.shape)).astype(np.float32), device=device)
    return lambda: list(lib.autograd.grad(y, wanted, g, retain_graph=True))
