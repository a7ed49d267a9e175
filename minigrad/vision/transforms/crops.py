"""Transforms of size: resizing, cutting out, padding."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

from minigrad import nn
from minigrad.vision.transforms import functional as F
from minigrad.vision.transforms.checks import size_pair
from minigrad.vision.transforms.draws import log_uniform, uniform, whole
from minigrad.vision.transforms.functional.modes import InterpolationMode, interpolation_mode

__all__ = [
    "CenterCrop",
    "FiveCrop",
    "Pad",
    "RandomCrop",
    "RandomResizedCrop",
    "Resize",
    "TenCrop",
    "check_scale_and_ratio",
]


class Resize(nn.Module):
    """An image at another size: height and width, or one number for the shorter side.

    Args:
        size: the size.
        interpolation: how values between pixels are found.
        max_size: the longer side's limit, where ``size`` is one number.
        antialias: smooth what is made smaller (tensors; PIL always does).

    Raises: TypeError for a size of another type; ValueError for one of another length.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.Resize(10)(torch.rand(3, 20, 30)).shape
    torch.Size([3, 10, 15])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if not isinstance(size, int | Sequence):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size = size
        self.max_size = max_size
        self.interpolation = interpolation_mode(interpolation)
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        """The resized image."""
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(size={self.size}, interpolation={self.interpolation.value}, "
            f"max_size={self.max_size}, antialias={self.antialias})"
        )


class CenterCrop(nn.Module):
    """The rectangle in the middle, padded with zeros where the image is smaller.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.CenterCrop(2)(torch.arange(16).view(1, 4, 4))
    tensor([[[ 5,  6],
             [ 9, 10]]])
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = size_pair(size)

    def forward(self, img: Any) -> Any:
        """The rectangle."""
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class Pad(nn.Module):
    """An image with a border; see ``functional.pad``.

    Raises: TypeError and ValueError for arguments that are none of what it takes.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.Pad(1, fill=9)(torch.tensor([[[1, 2]]]))
    tensor([[[9, 9, 9, 9],
             [9, 1, 2, 9],
             [9, 9, 9, 9]]])
    """

    def __init__(
        self,
        padding: int | Sequence[int],
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        if not isinstance(padding, numbers.Number | tuple | list):
            raise TypeError("Got inappropriate padding arg")
        if not isinstance(fill, numbers.Number | tuple | list):
            raise TypeError("Got inappropriate fill arg")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        if isinstance(padding, Sequence) and len(padding) not in (1, 2, 4):
            raise ValueError(
                "Padding must be an int or a 1, 2, or 4 element tuple, not a "
                f"{len(padding)} element tuple"
            )
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: Any) -> Any:
        """The image with its border."""
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, "
            f"padding_mode={self.padding_mode})"
        )


class RandomCrop(nn.Module):
    """A rectangle of this size from anywhere in the image.

    Args:
        size: height and width, or one number for both.
        padding: a border put around first, as for ``Pad``.
        pad_if_needed: widen an image that is too small.
        fill, padding_mode: what the border holds.

    Draws: two whole numbers, the upper edge and the left one; none if the image has the size.

    Raises: ValueError if the image is smaller.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> _ = torch.manual_seed(0)
    >>> transforms.RandomCrop(2)(torch.arange(16).view(1, 4, 4))
    tensor([[[ 8,  9],
             [12, 13]]])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = tuple(size_pair(size))
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Top, left, height and width of a rectangle."""
        _, rows, columns = F.get_dimensions(img)
        height, width = output_size
        if rows < height or columns < width:
            raise ValueError(
                f"Required crop size {(height, width)} is larger than input image size "
                f"{(rows, columns)}"
            )
        if (rows, columns) == (height, width):
            return 0, 0, rows, columns
        return whole(0, rows - height + 1), whole(0, columns - width + 1), height, width

    def forward(self, img: Any) -> Any:
        """The rectangle."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, rows, columns = F.get_dimensions(img)
        if self.pad_if_needed and columns < self.size[1]:
            img = F.pad(img, [self.size[1] - columns, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and rows < self.size[0]:
            img = F.pad(img, [0, self.size[0] - rows], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


def check_scale_and_ratio(scale: Any, ratio: Any) -> None:
    """Raise for what are no ranges, and warn of those that run backwards."""
    if not isinstance(scale, Sequence):
        raise TypeError("Scale should be a sequence")
    if not isinstance(ratio, Sequence):
        raise TypeError("Ratio should be a sequence")
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=3)


class RandomResizedCrop(nn.Module):
    """A rectangle of any size and shape from anywhere in the image, resized to this size.

    Args:
        size: height and width, or one number for both.
        scale: range of the rectangle's share of the image.
        ratio: range of its width over its height.
        interpolation, antialias: as for ``Resize``.

    Draws: share and logarithm of the ratio, up to ten times until the rectangle fits; then the
    upper edge and the left one. If none fits: the middle, as large as the ratios allow.

    Raises: TypeError for ranges that are no sequences.

    Source: Szegedy et al., "Going deeper with convolutions", 2015.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomResizedCrop(8)(torch.rand(3, 20, 30)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = size_pair(size)
        check_scale_and_ratio(scale, ratio)
        self.interpolation = interpolation_mode(interpolation)
        self.antialias = antialias
        self.scale = scale
        self.ratio = ratio

    @staticmethod
    def get_params(
        img: Any, scale: Sequence[float], ratio: Sequence[float]
    ) -> tuple[int, int, int, int]:
        """Top, left, height and width of a rectangle."""
        _, rows, columns = F.get_dimensions(img)
        for _ in range(10):
            area = rows * columns * uniform(scale[0], scale[1])
            shape = log_uniform(ratio[0], ratio[1])
            width = round(math.sqrt(area * shape))
            height = round(math.sqrt(area / shape))
            if 0 < width <= columns and 0 < height <= rows:
                top = whole(0, rows - height + 1)
                return top, whole(0, columns - width + 1), height, width
        shape = columns / rows
        width, height = columns, rows
        if shape < min(ratio):
            height = round(width / min(ratio))
        elif shape > max(ratio):
            width = round(height * max(ratio))
        return (rows - height) // 2, (columns - width) // 2, height, width

    def forward(self, img: Any) -> Any:
        """The rectangle, resized."""
        box = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *box, self.size, self.interpolation, antialias=self.antialias)

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(x, 4) for x in ends) for ends in (self.scale, self.ratio))
        return (
            f"{type(self).__name__}(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


class FiveCrop(nn.Module):
    """The four corners and the middle of an image, as a tuple.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> [x.item() for x in transforms.FiveCrop(1)(torch.arange(9).view(1, 3, 3))]
    [0, 2, 6, 8, 4]
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = size_pair(size)

    def forward(self, img: Any) -> tuple[Any, ...]:
        """Five rectangles."""
        return F.five_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class TenCrop(nn.Module):
    """``FiveCrop`` of an image and of the same flipped, as a tuple.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> [x.item() for x in transforms.TenCrop(1)(torch.arange(9).view(1, 3, 3))]
    [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = size_pair(size)
        self.vertical_flip = vertical_flip

    def forward(self, img: Any) -> tuple[Any, ...]:
        """Ten rectangles."""
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"
