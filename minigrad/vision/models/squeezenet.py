"""SqueezeNet: the accuracy of AlexNet with a fiftieth of its weights."""

from __future__ import annotations

from typing import Any

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.vision.models.weights import SqueezeNet1_0_Weights, SqueezeNet1_1_Weights
from minigrad.vision.models.zoo import register_model

__all__ = ["SqueezeNet", "squeezenet1_0", "squeezenet1_1"]


class Fire(nn.Module):
    """Squeeze to few channels by 1 x 1, then expand by 1 x 1 and 3 x 3 side by side.

    Shape: (N, inplanes, H, W) to (N, expand1x1_planes + expand3x3_planes, H, W).
    """

    def __init__(
        self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int
    ) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """The two expansions, joined along the channels."""
        x = self.squeeze_activation(self.squeeze(x))
        narrow = self.expand1x1_activation(self.expand1x1(x))
        wide = self.expand3x3_activation(self.expand3x3(x))
        return mg.cat([narrow, wide], 1)


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def _features_1_0() -> nn.Sequential:
    return nn.Sequential(  # (N, 3, 224, 224)
        nn.Conv2d(3, 96, kernel_size=7, stride=2),  # (N, 96, 109, 109)
        nn.ReLU(inplace=True),
        _pool(),  # (N, 96, 54, 54)
        Fire(96, 16, 64, 64),
        Fire(128, 16, 64, 64),
        Fire(128, 32, 128, 128),
        _pool(),  # (N, 256, 27, 27)
        Fire(256, 32, 128, 128),
        Fire(256, 48, 192, 192),
        Fire(384, 48, 192, 192),
        Fire(384, 64, 256, 256),
        _pool(),  # (N, 512, 13, 13)
        Fire(512, 64, 256, 256),
    )


def _features_1_1() -> nn.Sequential:
    return nn.Sequential(  # (N, 3, 224, 224)
        nn.Conv2d(3, 64, kernel_size=3, stride=2),  # (N, 64, 111, 111)
        nn.ReLU(inplace=True),
        _pool(),  # (N, 64, 55, 55)
        Fire(64, 16, 64, 64),
        Fire(128, 16, 64, 64),
        _pool(),  # (N, 128, 27, 27)
        Fire(128, 32, 128, 128),
        Fire(256, 32, 128, 128),
        _pool(),  # (N, 256, 13, 13)
        Fire(256, 48, 192, 192),
        Fire(384, 48, 192, 192),
        Fire(384, 64, 256, 256),
        Fire(512, 64, 256, 256),
    )


class SqueezeNet(nn.Module):
    """Fire modules between poolings; the scores are means over the image, as in NiN.

    ``version`` "1_0" is the paper's, "1_1" needs 2.4 times less work for the same accuracy.

    Shape: (N, 3, H, W) with H, W at least 21, to (N, num_classes), scores before the softmax.

    Raises: ValueError for another version.

    Source: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
    < 0.5 MB model size", 2016, https://arxiv.org/abs/1602.07360

    >>> from minigrad.vision.models import SqueezeNet
    >>> SqueezeNet("1_1", num_classes=10).features[3].squeeze
    Conv2d(64, 16, kernel_size=(1, 1), stride=(1, 1))
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.num_classes = num_classes
        if version not in ("1_0", "1_1"):
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        self.features = _features_1_0() if version == "1_0" else _features_1_1()
        scores = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), scores, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is scores:
                    nn.init.normal_(module.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, num_classes) of images (N, 3, H, W)."""
        x = self.classifier(self.features(x))  # (N, num_classes, 1, 1)
        return x.flatten(1)


@register_model(1_248_424, SqueezeNet1_0_Weights)
def squeezenet1_0(**options: Any) -> SqueezeNet:
    """SqueezeNet 1.0, the paper's, with 1,248,424 parameters.

    >>> from minigrad.vision.models import squeezenet1_0
    >>> squeezenet1_0(num_classes=10).features[0]
    Conv2d(3, 96, kernel_size=(7, 7), stride=(2, 2))
    """
    return SqueezeNet("1_0", **options)


@register_model(1_235_496, SqueezeNet1_1_Weights)
def squeezenet1_1(**options: Any) -> SqueezeNet:
    """SqueezeNet 1.1, with 1,235,496 parameters.

    >>> from minigrad.vision.models import squeezenet1_1
    >>> squeezenet1_1(num_classes=10).features[0]
    Conv2d(3, 64, kernel_size=(3, 3), stride=(2, 2))
    """
    return SqueezeNet("1_1", **options)
