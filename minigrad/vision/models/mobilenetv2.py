"""MobileNetV2: a good network for a small machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import Tensor, nn
from minigrad.nn import functional as F
from minigrad.vision.models.weights import MobileNet_V2_Weights
from minigrad.vision.models.zoo import register_model

__all__ = ["MobileNetV2", "mobilenet_v2"]

Norm = Callable[..., nn.Module]

# Table 2 of the paper: expansion t, channels c, repetitions n, stride s of the first.
STAGES = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
]


class Conv2dNormActivation(nn.Sequential):
    """A convolution that keeps height and width but for its stride, a norm, an activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        groups: int = 1,
        norm_layer: Norm = nn.BatchNorm2d,
        activation_layer: Callable[..., nn.Module] = nn.ReLU6,
    ) -> None:
        padding = (kernel_size - 1) // 2
        super().__init__(
            nn.Conv2d(
                in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False
            ),
            norm_layer(out_channels),
            activation_layer(inplace=True),
        )
        self.out_channels = out_channels


class InvertedResidual(nn.Module):
    """Widen by 1 x 1, filter each channel by itself, narrow by 1 x 1 without activation.

    Narrow ends are joined by the identity, where ResNet joins wide ones: hence "inverted".

    Shape: (N, inp, H, W) to (N, oup, H / stride, W / stride).
    """

    def __init__(
        self, inp: int, oup: int, stride: int, expand_ratio: int, norm_layer: Norm | None = None
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm = norm_layer or nn.BatchNorm2d
        hidden = round(inp * expand_ratio)
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, kernel_size=1, norm_layer=norm))
        layers += [
            Conv2dNormActivation(hidden, hidden, stride=stride, groups=hidden, norm_layer=norm),
            nn.Conv2d(hidden, oup, 1, 1, 0, bias=False),
            norm(oup),
        ]
        self.conv = nn.Sequential(*layers)
        self.out_channels = oup

    def forward(self, x: Tensor) -> Tensor:
        """conv(x), plus x where the shapes agree."""
        out: Tensor = self.conv(x)
        return x + out if self.use_res_connect else out


class MobileNetV2(nn.Module):
    """A convolution, 17 inverted residuals, a 1 x 1 convolution, the mean, one linear layer.

    ``width_mult`` scales all channels, which stay multiples of ``round_nearest``.

    Shape: (N, 3, H, W) to (N, num_classes), scores before the softmax.

    Raises: ValueError for a setting without four numbers per stage.

    Source: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018,
    https://arxiv.org/abs/1801.04381

    >>> from minigrad.vision.models import MobileNetV2
    >>> MobileNetV2(num_classes=10, width_mult=0.5).features[0][0]
    Conv2d(3, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: list[list[int]] | None = None,
        round_nearest: int = 8,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Norm | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        block = block or InvertedResidual
        norm = norm_layer or nn.BatchNorm2d
        stages = STAGES if inverted_residual_setting is None else inverted_residual_setting
        if len(stages) == 0 or len(stages[0]) != 4:
            raise ValueError(
                "inverted_residual_setting should be non-empty or a 4-element list, got "
                f"{inverted_residual_setting}"
            )
        channels = _make_divisible(32 * width_mult, round_nearest)
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [
            Conv2dNormActivation(3, channels, stride=2, norm_layer=norm)  # (N, 32, 112, 112)
        ]
        for expansion, width, repetitions, first_stride in stages:
            out = _make_divisible(width * width_mult, round_nearest)
            for i in range(repetitions):
                stride = first_stride if i == 0 else 1
                features.append(
                    block(channels, out, stride, expand_ratio=expansion, norm_layer=norm)
                )
                channels = out
        features.append(
            Conv2dNormActivation(channels, self.last_channel, kernel_size=1, norm_layer=norm)
        )
        self.features = nn.Sequential(*features)  # (N, 1280, 7, 7)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes)
        )
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            else:
                continue
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, num_classes) of images (N, 3, H, W)."""
        pooled = F.adaptive_avg_pool2d(self.features(x), (1, 1)).flatten(1)
        scores: Tensor = self.classifier(pooled)
        return scores


def _make_divisible(value: float, divisor: int) -> int:
    """The multiple of ``divisor`` nearest to a width, but not more than a tenth below it."""
    nearest = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * value else nearest


@register_model(3_504_872, MobileNet_V2_Weights)
def mobilenet_v2(**options: Any) -> MobileNetV2:
    """MobileNetV2 with 3,504,872 parameters; ``options`` go to :class:`MobileNetV2`.

    >>> from minigrad.vision.models import mobilenet_v2
    >>> mobilenet_v2(num_classes=10).classifier[1]
    Linear(in_features=1280, out_features=10, bias=True)
    """
    return MobileNetV2(**options)
