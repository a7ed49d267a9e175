"""Models for images, under the names that torchvision gives them; one file per family."""

from __future__ import annotations

from minigrad.vision.models.alexnet import (
    AlexNet,
    alexnet,
)
from minigrad.vision.models.densenet import (
    DenseNet,
    densenet121,
    densenet161,
    densenet169,
    densenet201,
)
from minigrad.vision.models.googlenet import (
    GoogLeNet,
    GoogLeNetOutputs,
    googlenet,
)
from minigrad.vision.models.inception import (
    Inception3,
    InceptionOutputs,
    inception_v3,
)
from minigrad.vision.models.lenet import (
    LeNet,
    lenet,
)
from minigrad.vision.models.mlp import (
    MLP,
    mlp,
)
from minigrad.vision.models.mobilenetv2 import (
    MobileNetV2,
    mobilenet_v2,
)
from minigrad.vision.models.nin import (
    NiN,
    nin,
)
from minigrad.vision.models.resnet import (
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    resnext101_64x4d,
    wide_resnet50_2,
    wide_resnet101_2,
)
from minigrad.vision.models.squeezenet import (
    SqueezeNet,
    squeezenet1_0,
    squeezenet1_1,
)
from minigrad.vision.models.vgg import (
    VGG,
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)
from minigrad.vision.models.zoo import get_model, get_model_builder, list_models

__all__ = [
    "MLP",
    "VGG",
    "AlexNet",
    "DenseNet",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "Inception3",
    "InceptionOutputs",
    "LeNet",
    "MobileNetV2",
    "NiN",
    "ResNet",
    "SqueezeNet",
    "alexnet",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "get_model",
    "get_model_builder",
    "googlenet",
    "inception_v3",
    "lenet",
    "list_models",
    "mlp",
    "mobilenet_v2",
    "nin",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "squeezenet1_0",
    "squeezenet1_1",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "wide_resnet50_2",
    "wide_resnet101_2",
]
