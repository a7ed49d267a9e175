"""Which ImageNet weights there are for which model, under torchvision's names.

Source: https://docs.pytorch.org/vision/stable/models.html#table-of-all-available-classification-weights
"""

from __future__ import annotations

from minigrad.vision.models.weights_enum import WeightsEnum, imagenet

__all__ = [
    "AlexNet_Weights",
    "DenseNet121_Weights",
    "DenseNet161_Weights",
    "DenseNet169_Weights",
    "DenseNet201_Weights",
    "GoogLeNet_Weights",
    "Inception_V3_Weights",
    "MobileNet_V2_Weights",
    "ResNeXt50_32X4D_Weights",
    "ResNeXt101_32X8D_Weights",
    "ResNeXt101_64X4D_Weights",
    "ResNet18_Weights",
    "ResNet34_Weights",
    "ResNet50_Weights",
    "ResNet101_Weights",
    "ResNet152_Weights",
    "SqueezeNet1_0_Weights",
    "SqueezeNet1_1_Weights",
    "VGG11_BN_Weights",
    "VGG11_Weights",
    "VGG13_BN_Weights",
    "VGG13_Weights",
    "VGG16_BN_Weights",
    "VGG16_Weights",
    "VGG19_BN_Weights",
    "VGG19_Weights",
    "Wide_ResNet50_2_Weights",
    "Wide_ResNet101_2_Weights",
]


class AlexNet_Weights(WeightsEnum):
    """The weights of ``alexnet``.

    >>> AlexNet_Weights.DEFAULT
    AlexNet_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("alexnet-owt-7be5be79.pth", 61_100_840, (56.522, 79.066), min_size=63)
    DEFAULT = IMAGENET1K_V1


class DenseNet121_Weights(WeightsEnum):
    """The weights of ``densenet121``.

    >>> DenseNet121_Weights.DEFAULT
    DenseNet121_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("densenet121-a639ec97.pth", 7_978_856, (74.434, 91.972), min_size=29)
    DEFAULT = IMAGENET1K_V1


class DenseNet161_Weights(WeightsEnum):
    """The weights of ``densenet161``.

    >>> DenseNet161_Weights.DEFAULT
    DenseNet161_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("densenet161-8d451a50.pth", 28_681_000, (77.138, 93.56), min_size=29)
    DEFAULT = IMAGENET1K_V1


class DenseNet169_Weights(WeightsEnum):
    """The weights of ``densenet169``.

    >>> DenseNet169_Weights.DEFAULT
    DenseNet169_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("densenet169-b2777c0a.pth", 14_149_480, (75.6, 92.806), min_size=29)
    DEFAULT = IMAGENET1K_V1


class DenseNet201_Weights(WeightsEnum):
    """The weights of ``densenet201``.

    >>> DenseNet201_Weights.DEFAULT
    DenseNet201_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("densenet201-c1103571.pth", 20_013_928, (76.896, 93.37), min_size=29)
    DEFAULT = IMAGENET1K_V1


class GoogLeNet_Weights(WeightsEnum):
    """The weights of ``googlenet``.

    >>> GoogLeNet_Weights.DEFAULT
    GoogLeNet_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("googlenet-1378be20.pth", 6_624_904, (69.778, 89.53), min_size=15)
    DEFAULT = IMAGENET1K_V1


class Inception_V3_Weights(WeightsEnum):
    """The weights of ``inception_v3``.

    >>> Inception_V3_Weights.DEFAULT
    Inception_V3_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet(
        "inception_v3_google-0cc3c7bd.pth",
        27_161_264,
        (77.294, 93.45),
        min_size=75,
        crop_size=299,
        resize_size=342,
    )
    DEFAULT = IMAGENET1K_V1


class MobileNet_V2_Weights(WeightsEnum):
    """The weights of ``mobilenet_v2``.

    >>> MobileNet_V2_Weights.DEFAULT
    MobileNet_V2_Weights.IMAGENET1K_V2
    """

    IMAGENET1K_V1 = imagenet("mobilenet_v2-b0353104.pth", 3_504_872, (71.878, 90.286))
    IMAGENET1K_V2 = imagenet(
        "mobilenet_v2-7ebf99e0.pth", 3_504_872, (72.154, 90.822), resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class ResNet18_Weights(WeightsEnum):
    """The weights of ``resnet18``.

    >>> ResNet18_Weights.DEFAULT
    ResNet18_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("resnet18-f37072fd.pth", 11_689_512, (69.758, 89.078))
    DEFAULT = IMAGENET1K_V1


class ResNet34_Weights(WeightsEnum):
    """The weights of ``resnet34``.

    >>> ResNet34_Weights.DEFAULT
    ResNet34_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("resnet34-b627a593.pth", 21_797_672, (73.314, 91.42))
    DEFAULT = IMAGENET1K_V1


class ResNet50_Weights(WeightsEnum):
    """The weights of ``resnet50``.

    >>> ResNet50_Weights.DEFAULT
    ResNet50_Weights.IMAGENET1K_V2
    """

    IMAGENET1K_V1 = imagenet("resnet50-0676ba61.pth", 25_557_032, (76.13, 92.862))
    IMAGENET1K_V2 = imagenet("resnet50-11ad3fa6.pth", 25_557_032, (80.858, 95.434), resize_size=232)
    DEFAULT = IMAGENET1K_V2


class ResNet101_Weights(WeightsEnum):
    """The weights of ``resnet101``.

    >>> ResNet101_Weights.DEFAULT
    ResNet101_Weights.IMAGENET1K_V2
    """

    IMAGENET1K_V1 = imagenet("resnet101-63fe2227.pth", 44_549_160, (77.374, 93.546))
    IMAGENET1K_V2 = imagenet("resnet101-cd907fc2.pth", 44_549_160, (81.886, 95.78), resize_size=232)
    DEFAULT = IMAGENET1K_V2


class ResNet152_Weights(WeightsEnum):
    """The weights of ``resnet152``.

    >>> ResNet152_Weights.DEFAULT
    ResNet152_Weights.IMAGENET1K_V2
    """

    IMAGENET1K_V1 = imagenet("resnet152-394f9c45.pth", 60_192_808, (78.312, 94.046))
    IMAGENET1K_V2 = imagenet(
        "resnet152-f82ba261.pth", 60_192_808, (82.284, 96.002), resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class ResNeXt50_32X4D_Weights(WeightsEnum):
    """The weights of ``resnext50_32x4d``.

    >>> ResNeXt50_32X4D_Weights.DEFAULT
    ResNeXt50_32X4D_Weights.IMAGENET1K_V2
    """

    IMAGENET1K_V1 = imagenet("resnext50_32x4d-7cdf4587.pth", 25_028_904, (77.618, 93.698))
    IMAGENET1K_V2 = imagenet(
        "resnext50_32x4d-1a0047aa.pth", 25_028_904, (81.198, 95.34), resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class ResNeXt101_32X8D_Weights(WeightsEnum):
    """The weights of ``resnext101_32x8d``.

    >>> ResNeXt101_32X8D_Weights.DEFAULT
    ResNeXt101_32X8D_Weights.IMAGENET1K_V2
    """

    IMAGENET1K_V1 = imagenet("resnext101_32x8d-8ba56ff5.pth", 88_791_336, (79.312, 94.526))
    IMAGENET1K_V2 = imagenet(
        "resnext101_32x8d-110c445d.pth", 88_791_336, (82.834, 96.228), resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class ResNeXt101_64X4D_Weights(WeightsEnum):
    """The weights of ``resnext101_64x4d``.

    >>> ResNeXt101_64X4D_Weights.DEFAULT
    ResNeXt101_64X4D_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet(
        "resnext101_64x4d-173b62eb.pth", 83_455_272, (83.246, 96.454), resize_size=232
    )
    DEFAULT = IMAGENET1K_V1


class Wide_ResNet50_2_Weights(WeightsEnum):
    """The weights of ``wide_resnet50_2``.

    >>> Wide_ResNet50_2_Weights.DEFAULT
    Wide_ResNet50_2_Weights.IMAGENET1K_V2
    """

    IMAGENET1K_V1 = imagenet("wide_resnet50_2-95faca4d.pth", 68_883_240, (78.468, 94.086))
    IMAGENET1K_V2 = imagenet(
        "wide_resnet50_2-9ba9bcbe.pth", 68_883_240, (81.602, 95.758), resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class Wide_ResNet101_2_Weights(WeightsEnum):
    """The weights of ``wide_resnet101_2``.

    >>> Wide_ResNet101_2_Weights.DEFAULT
    Wide_ResNet101_2_Weights.IMAGENET1K_V2
    """

    IMAGENET1K_V1 = imagenet("wide_resnet101_2-32ee1156.pth", 126_886_696, (78.848, 94.284))
    IMAGENET1K_V2 = imagenet(
        "wide_resnet101_2-d733dc28.pth", 126_886_696, (82.51, 96.02), resize_size=232
    )
    DEFAULT = IMAGENET1K_V2


class SqueezeNet1_0_Weights(WeightsEnum):
    """The weights of ``squeezenet1_0``.

    >>> SqueezeNet1_0_Weights.DEFAULT
    SqueezeNet1_0_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("squeezenet1_0-b66bff10.pth", 1_248_424, (58.092, 80.42), min_size=21)
    DEFAULT = IMAGENET1K_V1


class SqueezeNet1_1_Weights(WeightsEnum):
    """The weights of ``squeezenet1_1``.

    >>> SqueezeNet1_1_Weights.DEFAULT
    SqueezeNet1_1_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("squeezenet1_1-b8a52dc0.pth", 1_235_496, (58.178, 80.624), min_size=17)
    DEFAULT = IMAGENET1K_V1


class VGG11_Weights(WeightsEnum):
    """The weights of ``vgg11``.

    >>> VGG11_Weights.DEFAULT
    VGG11_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("vgg11-8a719046.pth", 132_863_336, (69.02, 88.628), min_size=32)
    DEFAULT = IMAGENET1K_V1


class VGG11_BN_Weights(WeightsEnum):
    """The weights of ``vgg11_bn``.

    >>> VGG11_BN_Weights.DEFAULT
    VGG11_BN_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("vgg11_bn-6002323d.pth", 132_868_840, (70.37, 89.81), min_size=32)
    DEFAULT = IMAGENET1K_V1


class VGG13_Weights(WeightsEnum):
    """The weights of ``vgg13``.

    >>> VGG13_Weights.DEFAULT
    VGG13_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("vgg13-19584684.pth", 133_047_848, (69.928, 89.246), min_size=32)
    DEFAULT = IMAGENET1K_V1


class VGG13_BN_Weights(WeightsEnum):
    """The weights of ``vgg13_bn``.

    >>> VGG13_BN_Weights.DEFAULT
    VGG13_BN_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("vgg13_bn-abd245e5.pth", 133_053_736, (71.586, 90.374), min_size=32)
    DEFAULT = IMAGENET1K_V1


class VGG16_Weights(WeightsEnum):
    """The weights of ``vgg16``.

    >>> VGG16_Weights.DEFAULT
    VGG16_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("vgg16-397923af.pth", 138_357_544, (71.592, 90.382), min_size=32)
    DEFAULT = IMAGENET1K_V1


class VGG16_BN_Weights(WeightsEnum):
    """The weights of ``vgg16_bn``.

    >>> VGG16_BN_Weights.DEFAULT
    VGG16_BN_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("vgg16_bn-6c64b313.pth", 138_365_992, (73.36, 91.516), min_size=32)
    DEFAULT = IMAGENET1K_V1


class VGG19_Weights(WeightsEnum):
    """The weights of ``vgg19``.

    >>> VGG19_Weights.DEFAULT
    VGG19_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("vgg19-dcbb9e9d.pth", 143_667_240, (72.376, 90.876), min_size=32)
    DEFAULT = IMAGENET1K_V1


class VGG19_BN_Weights(WeightsEnum):
    """The weights of ``vgg19_bn``.

    >>> VGG19_BN_Weights.DEFAULT
    VGG19_BN_Weights.IMAGENET1K_V1
    """

    IMAGENET1K_V1 = imagenet("vgg19_bn-c79401a0.pth", 143_678_248, (74.218, 91.842), min_size=32)
    DEFAULT = IMAGENET1K_V1
