"""VGG: nothing but 3 x 3 convolutions, and many of them."""

from __future__ import annotations

from typing import Any

from minigrad import Tensor, nn
from minigrad.vision.models.weights import (
    VGG11_BN_Weights,
    VGG11_Weights,
    VGG13_BN_Weights,
    VGG13_Weights,
    VGG16_BN_Weights,
    VGG16_Weights,
    VGG19_BN_Weights,
    VGG19_Weights,
)
from minigrad.vision.models.zoo import register_model

__all__ = [
    "VGG",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]

# The columns of the paper's table 1: how many convolutions each of the five stages has.
DEPTHS: dict[str, tuple[int, ...]] = {
    "A": (1, 1, 2, 2, 2),
    "B": (2, 2, 2, 2, 2),
    "D": (2, 2, 3, 3, 3),
    "E": (2, 2, 4, 4, 4),
}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """The convolutions ``features``, then three fully connected layers.

    Two 3 x 3 convolutions see as far as one of 5 x 5, with fewer weights and one ReLU more: this is
    the paper's argument for depth.

    Shape: (N, 3, H, W) with H, W at least 32, to (N, num_classes), scores before the softmax.

    Source: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
    recognition", 2014, https://arxiv.org/abs/1409.1556

    >>> from minigrad import nn
    >>> from minigrad.vision.models import VGG
    >>> VGG(nn.Conv2d(3, 512, 3), num_classes=10, init_weights=False).avgpool
    AdaptiveAvgPool2d(output_size=(7, 7))
    """

    def __init__(
        self,
        features: nn.Module,
        num_classes: int = 1000,
        init_weights: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            else:
                continue
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, num_classes) of images (N, 3, H, W)."""
        x = self.avgpool(self.features(x))  # (N, 512, 7, 7)
        scores: Tensor = self.classifier(x.flatten(1))
        return scores


def _features(column: str, batch_norm: bool) -> nn.Sequential:
    """The five stages; each ends by halving height and width."""
    layers: list[nn.Module] = []
    channels = 3
    for width, depth in zip(WIDTHS, DEPTHS[column], strict=True):
        for _ in range(depth):
            layers.append(nn.Conv2d(channels, width, kernel_size=3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(inplace=True))
            channels = width
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


def _vgg(column: str, batch_norm: bool, options: dict[str, Any]) -> VGG:
    return VGG(_features(column, batch_norm), **options)


@register_model(132_863_336, VGG11_Weights, init_weights=False)
def vgg11(**options: Any) -> VGG:
    """VGG-11, column A of the paper, with 132,863,336 parameters.

    >>> from minigrad.vision.models import vgg11
    >>> vgg11.__name__
    'vgg11'
    """
    return _vgg("A", False, options)


@register_model(132_868_840, VGG11_BN_Weights, init_weights=False)
def vgg11_bn(**options: Any) -> VGG:
    """VGG-11 with batch normalisation; 132,868,840 parameters.

    >>> from minigrad.vision.models import vgg11_bn
    >>> vgg11_bn.__name__
    'vgg11_bn'
    """
    return _vgg("A", True, options)


@register_model(133_047_848, VGG13_Weights, init_weights=False)
def vgg13(**options: Any) -> VGG:
    """VGG-13, column B of the paper, with 133,047,848 parameters.

    >>> from minigrad.vision.models import vgg13
    >>> vgg13.__name__
    'vgg13'
    """
    return _vgg("B", False, options)


@register_model(133_053_736, VGG13_BN_Weights, init_weights=False)
def vgg13_bn(**options: Any) -> VGG:
    """VGG-13 with batch normalisation; 133,053,736 parameters.

    >>> from minigrad.vision.models import vgg13_bn
    >>> vgg13_bn.__name__
    'vgg13_bn'
    """
    return _vgg("B", True, options)


@register_model(138_357_544, VGG16_Weights, init_weights=False)
def vgg16(**options: Any) -> VGG:
    """VGG-16, column D of the paper, with 138,357,544 parameters.

    >>> from minigrad.vision.models import vgg16
    >>> vgg16.__name__
    'vgg16'
    """
    return _vgg("D", False, options)


@register_model(138_365_992, VGG16_BN_Weights, init_weights=False)
def vgg16_bn(**options: Any) -> VGG:
    """VGG-16 with batch normalisation; 138,365,992 parameters.

    >>> from minigrad.vision.models import vgg16_bn
    >>> vgg16_bn.__name__
    'vgg16_bn'
    """
    return _vgg("D", True, options)


@register_model(143_667_240, VGG19_Weights, init_weights=False)
def vgg19(**options: Any) -> VGG:
    """VGG-19, column E of the paper, with 143,667,240 parameters.

    >>> from minigrad.vision.models import vgg19
    >>> vgg19.__name__
    'vgg19'
    """
    return _vgg("E", False, options)


@register_model(143_678_248, VGG19_BN_Weights, init_weights=False)
def vgg19_bn(**options: Any) -> VGG:
    """VGG-19 with batch normalisation; 143,678,248 parameters.

    >>> from minigrad.vision.models import vgg19_bn
    >>> vgg19_bn.__name__
    'vgg19_bn'
    """
    return _vgg("E", True, options)
