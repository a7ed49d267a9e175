"""LeNet: the first convolutional network that read digits for a living."""

from __future__ import annotations

from typing import Any

from minigrad import Tensor, nn
from minigrad.nn import functional as F
from minigrad.vision.models.zoo import register_model

__all__ = ["LeNet", "lenet"]


class LeNet(nn.Module):
    """LeNet-5 with ReLU and max pooling, as it is trained today.

    Two convolutions of 5 x 5 (6 and 16 channels), each followed by 2 x 2 max pooling, then fully
    connected layers of 120, 84 and ``num_classes``. The first convolution pads by 2, so that
    28 x 28 images take the place of the paper's 32 x 32.

    Shape: (N, in_channels, 28, 28) to (N, num_classes), scores before the softmax.

    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
    recognition", 1998.

    >>> import minigrad as torch
    >>> from minigrad.vision.models import LeNet
    >>> net = LeNet()
    >>> net(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    >>> sum(p.numel() for p in net.parameters())
    61706
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, num_classes) of images (N, in_channels, 28, 28)."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (N, 6, 14, 14)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (N, 16, 5, 5)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        scores: Tensor = self.fc3(x)
        return scores


@register_model(61_706, input_size=(1, 28, 28))
def lenet(**options: Any) -> LeNet:
    """LeNet with 61,706 parameters; ``options`` go to :class:`LeNet`.

    >>> from minigrad.vision.models import lenet
    >>> lenet(in_channels=3).conv1
    Conv2d(3, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    """
    return LeNet(**options)
