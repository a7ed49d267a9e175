"""What the images have to be for a network whose weights come from ImageNet.

Source: https://docs.pytorch.org/vision/stable/models.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.vision.transforms import functional as F

__all__ = ["ImageClassification"]


class ImageClassification(nn.Module):
    """Resize, cut out the middle, make floats in 0..1 of it, and normalise.

    Args:
        crop_size: height and width of the result.
        resize_size: of the shorter side before the middle is cut out.
        mean, std: of each channel.
        interpolation, antialias: as in :class:`Resize`.

    Shape: PIL image or tensor (..., C, H, W) -> (..., C, crop_size, crop_size).

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms.presets import ImageClassification
    >>> ImageClassification(crop_size=224)(torch.zeros(3, 300, 400, dtype=torch.uint8)).shape
    torch.Size([3, 224, 224])
    """

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        interpolation: F.InterpolationMode = F.InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean, self.std = list(mean), list(std)
        self.interpolation, self.antialias = interpolation, antialias

    def forward(self, img: Any) -> Tensor:
        """What the network takes."""
        img = F.resize(img, self.resize_size, self.interpolation, antialias=self.antialias)
        img = F.center_crop(img, self.crop_size)
        if not isinstance(img, Tensor):
            img = F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(img, mg.float32), self.mean, self.std)

    def __repr__(self) -> str:
        names = ("crop_size", "resize_size", "mean", "std", "interpolation")
        lines = "".join(f"    {name}={getattr(self, name)}\n" for name in names)
        return f"{type(self).__name__}(\n{lines})"

    def describe(self) -> str:
        """The same in a sentence."""
        return (
            f"Images are resized to resize_size={self.resize_size} with interpolation="
            f"{self.interpolation}, cut to their middle of crop_size={self.crop_size}, scaled to "
            f"[0.0, 1.0], and normalized with mean={self.mean} and std={self.std}."
        )
