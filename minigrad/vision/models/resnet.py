"""ResNet: layers learn what to add to their input, so networks can be as deep as one likes.

ResNeXt and wide ResNets are the same network with other widths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import Tensor, nn
from minigrad.vision.models.weights import (
    ResNet18_Weights,
    ResNet34_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
    ResNet152_Weights,
    ResNeXt50_32X4D_Weights,
    ResNeXt101_32X8D_Weights,
    ResNeXt101_64X4D_Weights,
    Wide_ResNet50_2_Weights,
    Wide_ResNet101_2_Weights,
)
from minigrad.vision.models.zoo import register_model

__all__ = [
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]

Norm = Callable[..., nn.Module]


def conv3x3(
    in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """3 x 3, padded to keep height and width; batch normalisation follows, so no bias."""
    return nn.Conv2d(
        in_planes,
        out_planes,
        kernel_size=3,
        stride=stride,
        padding=dilation,
        dilation=dilation,
        groups=groups,
        bias=False,
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """1 x 1: another number of channels."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """y = relu(x + f(x)) with two 3 x 3 convolutions in f (figure 5 of the paper, left).

    Shape: (N, inplanes, H, W) to (N, planes, H / stride, W / stride).
    """

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """x, or its downsampled form, plus what the convolutions make of it."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu(out)
        return result


class Bottleneck(nn.Module):
    """y = relu(x + f(x)) where f narrows by 1 x 1, works by 3 x 3 and widens by 1 x 1.

    The stride is at the 3 x 3 convolution and not, as in the paper, at the first: "ResNet V1.5".

    Shape: (N, inplanes, H, W) to (N, 4 planes, H / stride, W / stride).
    """

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """x, or its downsampled form, plus what the convolutions make of it."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu(out)
        return result


Block = type[BasicBlock] | type[Bottleneck]


class ResNet(nn.Module):
    """A 7 x 7 convolution, four stages of blocks, the mean over the image, one linear layer.

    ``layers`` says how many blocks each stage has. ``zero_init_residual`` lets each block begin as
    the identity. ``replace_stride_with_dilation`` keeps the last three stages from halving the
    image: they look further instead.

    Shape: (N, 3, H, W) to (N, num_classes), scores before the softmax.

    Raises: ValueError if ``replace_stride_with_dilation`` has not three elements.

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015,
    https://arxiv.org/abs/1512.03385

    >>> from minigrad.vision.models import ResNet
    >>> from minigrad.vision.models.resnet import BasicBlock
    >>> ResNet(BasicBlock, [1, 1, 1, 1], num_classes=10).fc
    Linear(in_features=512, out_features=10, bias=True)
    """

    def __init__(
        self,
        block: Block,
        layers: list[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: list[bool] | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        dilate = [False] * 3
        if replace_stride_with_dilation is not None:
            dilate = list(replace_stride_with_dilation)
        if len(dilate) != 3:
            raise ValueError(
                "replace_stride_with_dilation should be None "
                f"or a 3-element tuple, got {replace_stride_with_dilation}"
            )
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], stride=2, dilate=dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], stride=2, dilate=dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._initialise(zero_init_residual)

    def _make_layer(
        self, block: Block, planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        """One stage: its first block halves the image (or begins to dilate), and widens."""
        first_dilation = self.dilation
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                conv1x1(self.inplanes, planes * block.expansion, stride),
                self._norm_layer(planes * block.expansion),
            )
        stage = [self._block(block, planes, first_dilation, stride, downsample)]
        self.inplanes = planes * block.expansion
        stage += [self._block(block, planes, self.dilation) for _ in range(1, blocks)]
        return nn.Sequential(*stage)

    def _block(
        self,
        block: Block,
        planes: int,
        dilation: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> nn.Module:
        return block(
            self.inplanes,
            planes,
            stride,
            downsample,
            self.groups,
            self.base_width,
            dilation,
            self._norm_layer,
        )

    def _initialise(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if not zero_init_residual:
            return
        for module in self.modules():
            if isinstance(module, (BasicBlock, Bottleneck)):
                last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
                if last.weight is not None:
                    nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, num_classes) of images (N, 3, H, W)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, 64, 56, 56) for 224 x 224
        x = self.layer1(x)  # (N, 64 expansion, 56, 56)
        x = self.layer2(x)  # (N, 128 expansion, 28, 28)
        x = self.layer3(x)  # (N, 256 expansion, 14, 14)
        x = self.layer4(x)  # (N, 512 expansion, 7, 7)
        scores: Tensor = self.fc(self.avgpool(x).flatten(1))
        return scores


@register_model(11_689_512, ResNet18_Weights)
def resnet18(**options: Any) -> ResNet:
    """ResNet-18 with 11,689,512 parameters; ``options`` go to :class:`ResNet`.

    >>> from minigrad.vision.models import resnet18
    >>> resnet18(num_classes=10).fc
    Linear(in_features=512, out_features=10, bias=True)
    """
    return ResNet(BasicBlock, [2, 2, 2, 2], **options)


@register_model(21_797_672, ResNet34_Weights)
def resnet34(**options: Any) -> ResNet:
    """ResNet-34 with 21,797,672 parameters.

    >>> from minigrad.vision.models import resnet34
    >>> resnet34.__name__
    'resnet34'
    """
    return ResNet(BasicBlock, [3, 4, 6, 3], **options)


@register_model(25_557_032, ResNet50_Weights)
def resnet50(**options: Any) -> ResNet:
    """ResNet-50 with 25,557,032 parameters.

    >>> from minigrad.vision.models import resnet50
    >>> resnet50.__name__
    'resnet50'
    """
    return ResNet(Bottleneck, [3, 4, 6, 3], **options)


@register_model(44_549_160, ResNet101_Weights)
def resnet101(**options: Any) -> ResNet:
    """ResNet-101 with 44,549,160 parameters.

    >>> from minigrad.vision.models import resnet101
    >>> resnet101.__name__
    'resnet101'
    """
    return ResNet(Bottleneck, [3, 4, 23, 3], **options)


@register_model(60_192_808, ResNet152_Weights)
def resnet152(**options: Any) -> ResNet:
    """ResNet-152 with 60,192,808 parameters.

    >>> from minigrad.vision.models import resnet152
    >>> resnet152.__name__
    'resnet152'
    """
    return ResNet(Bottleneck, [3, 8, 36, 3], **options)


@register_model(25_028_904, ResNeXt50_32X4D_Weights)
def resnext50_32x4d(**options: Any) -> ResNet:
    """ResNeXt-50, whose 3 x 3 convolutions have 32 groups of 4; 25,028,904 parameters.

    Source: Xie et al., "Aggregated residual transformations for deep neural networks", 2016,
    https://arxiv.org/abs/1611.05431

    >>> from minigrad.vision.models import resnext50_32x4d
    >>> resnext50_32x4d.__name__
    'resnext50_32x4d'
    """
    return ResNet(Bottleneck, [3, 4, 6, 3], groups=32, width_per_group=4, **options)


@register_model(88_791_336, ResNeXt101_32X8D_Weights)
def resnext101_32x8d(**options: Any) -> ResNet:
    """ResNeXt-101 with 32 groups of 8; 88,791,336 parameters.

    >>> from minigrad.vision.models import resnext101_32x8d
    >>> resnext101_32x8d.__name__
    'resnext101_32x8d'
    """
    return ResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=8, **options)


@register_model(83_455_272, ResNeXt101_64X4D_Weights)
def resnext101_64x4d(**options: Any) -> ResNet:
    """ResNeXt-101 with 64 groups of 4; 83,455,272 parameters.

    >>> from minigrad.vision.models import resnext101_64x4d
    >>> resnext101_64x4d.__name__
    'resnext101_64x4d'
    """
    return ResNet(Bottleneck, [3, 4, 23, 3], groups=64, width_per_group=4, **options)


@register_model(68_883_240, Wide_ResNet50_2_Weights)
def wide_resnet50_2(**options: Any) -> ResNet:
    """ResNet-50 with 3 x 3 convolutions of twice the width; 68,883,240 parameters.

    Source: Zagoruyko, Komodakis, "Wide residual networks", 2016, https://arxiv.org/abs/1605.07146

    >>> from minigrad.vision.models import wide_resnet50_2
    >>> wide_resnet50_2.__name__
    'wide_resnet50_2'
    """
    return ResNet(Bottleneck, [3, 4, 6, 3], width_per_group=128, **options)


@register_model(126_886_696, Wide_ResNet101_2_Weights)
def wide_resnet101_2(**options: Any) -> ResNet:
    """ResNet-101 with 3 x 3 convolutions of twice the width; 126,886,696 parameters.

    >>> from minigrad.vision.models import wide_resnet101_2
    >>> wide_resnet101_2.__name__
    'wide_resnet101_2'
    """
    return ResNet(Bottleneck, [3, 4, 23, 3], width_per_group=128, **options)
