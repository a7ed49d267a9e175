"""DenseNet: each layer sees what all layers before it have found."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.nn import functional as F
from minigrad.utils.checkpoint import checkpoint
from minigrad.vision.models.weights import (
    DenseNet121_Weights,
    DenseNet161_Weights,
    DenseNet169_Weights,
    DenseNet201_Weights,
)
from minigrad.vision.models.zoo import register_model

__all__ = ["DenseNet", "densenet121", "densenet161", "densenet169", "densenet201"]


class _DenseLayer(nn.Module):
    """Norm, ReLU, 1 x 1 to a bottleneck, norm, ReLU, 3 x 3 to ``growth_rate`` new channels."""

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        bottleneck = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, bottleneck, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(bottleneck)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bottleneck, growth_rate, kernel_size=3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient
        self.register_load_state_dict_pre_hook(_rename_old_keys)

    def _bottleneck(self, *features: Tensor) -> Tensor:
        narrow: Tensor = self.conv1(self.relu1(self.norm1(mg.cat(features, 1))))
        return narrow

    def forward(self, input: Tensor | list[Tensor]) -> Tensor:
        """New channels out of all that was found before."""
        features = input if isinstance(input, list) else [input]
        # The joined features are most of what a DenseNet saves for backward, and quick to make
        # anew: `memory_efficient` saves its parts alone, which other layers keep anyway.
        if self.memory_efficient and any(f.requires_grad for f in features):
            x = checkpoint(self._bottleneck, *features, use_reentrant=False)
        else:
            x = self._bottleneck(*features)
        new: Tensor = self.conv2(self.relu2(self.norm2(x)))
        if self.drop_rate > 0:
            new = F.dropout(new, p=self.drop_rate, training=self.training)
        return new


def _rename_old_keys(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, *rest: Any
) -> None:
    """Files of 2017 say ``norm.1.weight`` where ``norm1.weight`` is meant."""
    for key in list(state_dict):
        kind, _, name = key[len(prefix) :].partition(".")
        if key.startswith(prefix) and kind in ("norm", "relu", "conv"):
            state_dict[prefix + kind + name] = state_dict.pop(key)


class _DenseBlock(nn.ModuleDict):
    """Layers that each get the input and the output of all layers before."""

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            self[f"denselayer{i + 1}"] = _DenseLayer(
                num_input_features + i * growth_rate,
                growth_rate,
                bn_size,
                drop_rate,
                memory_efficient,
            )

    def forward(self, init_features: Tensor) -> Tensor:
        """The input and all new channels, joined."""
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return mg.cat(features, 1)


class _Transition(nn.Sequential):
    """Between two blocks: 1 x 1 to other channels, and half the height and width."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """A 7 x 7 convolution, dense blocks with transitions between, the mean, one linear layer.

    A layer adds ``growth_rate`` channels, through a bottleneck of ``bn_size`` times as many.
    ``memory_efficient=True`` computes joined features again in backward rather than keep them.

    Shape: (N, 3, H, W) with H, W at least 29, to (N, num_classes), scores before the softmax.

    Source: Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks",
    2016, https://arxiv.org/abs/1608.06993

    >>> from minigrad.vision.models import DenseNet
    >>> DenseNet(growth_rate=8, block_config=(2, 2), num_init_features=16).classifier
    Linear(in_features=32, out_features=1000, bias=True)
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: tuple[int, ...] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        stem = {
            "conv0": nn.Conv2d(
                3, num_init_features, kernel_size=7, stride=2, padding=3, bias=False
            ),
            "norm0": nn.BatchNorm2d(num_init_features),
            "relu0": nn.ReLU(inplace=True),
            "pool0": nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        }
        self.features = nn.Sequential(OrderedDict(stem))  # (N, num_init_features, 56, 56) of 224
        width = num_init_features
        for i, depth in enumerate(block_config, start=1):
            block = _DenseBlock(depth, width, bn_size, growth_rate, drop_rate, memory_efficient)
            self.features.add_module(f"denseblock{i}", block)
            width += depth * growth_rate
            if i < len(block_config):
                self.features.add_module(f"transition{i}", _Transition(width, width // 2))
                width //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        if self.classifier.bias is not None:
            nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, num_classes) of images (N, 3, H, W)."""
        features = F.relu(self.features(x), inplace=True)  # (N, 1024, 7, 7) in densenet121
        pooled = F.adaptive_avg_pool2d(features, (1, 1)).flatten(1)
        scores: Tensor = self.classifier(pooled)
        return scores


@register_model(7_978_856, DenseNet121_Weights)
def densenet121(**options: Any) -> DenseNet:
    """DenseNet-121 with 7,978,856 parameters; ``options`` go to :class:`DenseNet`.

    >>> from minigrad.vision.models import densenet121
    >>> densenet121(num_classes=10).classifier
    Linear(in_features=1024, out_features=10, bias=True)
    """
    return DenseNet(32, (6, 12, 24, 16), 64, **options)


@register_model(28_681_000, DenseNet161_Weights)
def densenet161(**options: Any) -> DenseNet:
    """DenseNet-161, which grows by 48, with 28,681,000 parameters.

    >>> from minigrad.vision.models import densenet161
    >>> densenet161.__name__
    'densenet161'
    """
    return DenseNet(48, (6, 12, 36, 24), 96, **options)


@register_model(14_149_480, DenseNet169_Weights)
def densenet169(**options: Any) -> DenseNet:
    """DenseNet-169 with 14,149,480 parameters.

    >>> from minigrad.vision.models import densenet169
    >>> densenet169(num_classes=10).classifier
    Linear(in_features=1664, out_features=10, bias=True)
    """
    return DenseNet(32, (6, 12, 32, 32), 64, **options)


@register_model(20_013_928, DenseNet201_Weights)
def densenet201(**options: Any) -> DenseNet:
    """DenseNet-201 with 20,013,928 parameters.

    >>> from minigrad.vision.models import densenet201
    >>> densenet201.__name__
    'densenet201'
    """
    return DenseNet(32, (6, 12, 48, 32), 64, **options)
