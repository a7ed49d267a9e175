"""AlexNet: the network that won ImageNet in 2012 and began the present age."""

from __future__ import annotations

from typing import Any

from minigrad import Tensor, nn
from minigrad.vision.models.weights import AlexNet_Weights
from minigrad.vision.models.zoo import register_model

__all__ = ["AlexNet", "alexnet"]


class AlexNet(nn.Module):
    """Five convolutions and three fully connected layers, for images of 224 x 224.

    The widths are those of the second paper, which trains on one card and drops the local response
    normalisation of the first.

    Shape: (N, 3, H, W) with H, W at least 63, to (N, num_classes), scores before the softmax.

    Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
    networks", 2012; Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
    2014, https://arxiv.org/abs/1404.5997

    >>> from minigrad.vision.models import AlexNet
    >>> AlexNet(num_classes=10).features[0]
    Conv2d(3, 64, kernel_size=(11, 11), stride=(4, 4), padding=(2, 2))
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(  # (N, 3, 224, 224)
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),  # (N, 64, 55, 55)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, num_classes) of images (N, 3, H, W)."""
        x = self.avgpool(self.features(x))
        scores: Tensor = self.classifier(x.flatten(1))
        return scores


@register_model(61_100_840, AlexNet_Weights)
def alexnet(**options: Any) -> AlexNet:
    """AlexNet with 61,100,840 parameters; ``options`` go to :class:`AlexNet`.

    >>> from minigrad.vision.models import alexnet
    >>> alexnet(num_classes=10).classifier[6]
    Linear(in_features=4096, out_features=10, bias=True)
    """
    return AlexNet(**options)
