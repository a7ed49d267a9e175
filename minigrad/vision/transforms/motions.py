"""Transforms of place: flips, turns, shears, and other points of view, all by chance."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from minigrad import Tensor, nn
from minigrad.vision.transforms import functional as F
from minigrad.vision.transforms.checks import angle_range, check_sequence
from minigrad.vision.transforms.draws import chance, uniform, whole
from minigrad.vision.transforms.functional.fills import number_or_sequence
from minigrad.vision.transforms.functional.modes import InterpolationMode, interpolation_mode

__all__ = [
    "RandomAffine",
    "RandomHorizontalFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomVerticalFlip",
    "fill_for",
]


class _RandomFlip(nn.Module):
    """Draws: one number."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_RandomFlip):
    """Left and right exchanged, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomHorizontalFlip(p=1)(torch.tensor([[[1, 2]]]))
    tensor([[[2, 1]]])
    """

    def forward(self, img: Any) -> Any:
        """The image, flipped or not."""
        return F.hflip(img) if chance(self.p) else img


class RandomVerticalFlip(_RandomFlip):
    """Top and bottom exchanged, with probability ``p``.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomVerticalFlip(p=1)(torch.tensor([[[1], [2]]])).flatten()
    tensor([2, 1])
    """

    def forward(self, img: Any) -> Any:
        """The image, flipped or not."""
        return F.vflip(img) if chance(self.p) else img


def fill_for(img: Any, fill: Any) -> Any:
    """A fill as tensors take it: one number for each channel."""
    if not isinstance(img, Tensor):
        return fill
    if isinstance(fill, numbers.Number):
        return [float(fill)] * F.get_image_num_channels(img)  # type: ignore[arg-type]
    return [float(x) for x in fill]


class RandomRotation(nn.Module):
    """An image turned by a random angle.

    Args:
        degrees: range of the angle, or one number for minus it to it.
        interpolation, expand, center, fill: as for ``functional.rotate``.

    Draws: the angle.

    Raises: TypeError and ValueError for arguments that are none of these.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomRotation((90, 90))(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 4],
             [1, 3]]])
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Any = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: float | Sequence[float] = 0,
    ) -> None:
        super().__init__()
        self.interpolation = interpolation_mode(interpolation)
        self.degrees = angle_range(degrees, "degrees")
        if center is not None:
            check_sequence(center, "center", (2,))
        self.center = center
        self.expand = expand
        self.fill = number_or_sequence(fill)

    @staticmethod
    def get_params(degrees: list[float]) -> float:
        """An angle."""
        return uniform(degrees[0], degrees[1])

    def forward(self, img: Any) -> Any:
        """The turned image."""
        fill = fill_for(img, self.fill)
        angle = self.get_params(self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, fill)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        parts = [f"degrees={self.degrees}", f"interpolation={self.interpolation.value}"]
        parts.append(f"expand={self.expand}")
        if self.center is not None:
            parts.append(f"center={self.center}")
        parts.append(f"fill={self.fill}")
        return f"{type(self).__name__}({', '.join(parts)})"


class RandomAffine(nn.Module):
    """An image turned, moved, scaled and sheared at random, its size unchanged.

    Args:
        degrees: range of the angle, or one number for minus it to it.
        translate: greatest parts of width and height to move by, to either side.
        scale: range of the factor.
        shear: range along x as for ``degrees``, or two ranges, along x and along y.
        interpolation, fill, center: as for ``functional.affine``.

    Draws: angle, translations along x and y, scale, shears along x and y; each if asked for.

    Raises: TypeError and ValueError for arguments that are none of these.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomAffine(0, scale=(2, 2))(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[1, 2],
             [3, 4]]])
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: float | Sequence[float] = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.interpolation = interpolation_mode(interpolation)
        self.degrees = angle_range(degrees, "degrees")
        if translate is not None:
            check_sequence(translate, "translate", (2,))
            if any(not 0.0 <= part <= 1.0 for part in translate):
                raise ValueError("translation values should be between 0 and 1")
        if scale is not None:
            check_sequence(scale, "scale", (2,))
            if any(factor <= 0 for factor in scale):
                raise ValueError("scale values should be positive")
        if center is not None:
            check_sequence(center, "center", (2,))
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else angle_range(shear, "shear", (2, 4))
        self.fill = number_or_sequence(fill)
        self.center = center

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Angle, translations, scale and shears for an image of this width and height."""
        angle = uniform(degrees[0], degrees[1])
        moved = [0, 0]
        if translate is not None:
            most = [float(part * side) for part, side in zip(translate, img_size, strict=True)]
            moved = [round(uniform(-d, d)) for d in most]
        scale = 1.0 if scale_ranges is None else uniform(scale_ranges[0], scale_ranges[1])
        shear = [0.0, 0.0]
        if shears is not None:
            shear[0] = uniform(shears[0], shears[1])
            if len(shears) == 4:
                shear[1] = uniform(shears[2], shears[3])
        return angle, (moved[0], moved[1]), scale, (shear[0], shear[1])

    def forward(self, img: Any) -> Any:
        """The transformed image."""
        fill = fill_for(img, self.fill)
        _, height, width = F.get_dimensions(img)
        drawn = self.get_params(
            self.degrees, self.translate, self.scale, self.shear, [width, height]
        )
        return F.affine(
            img,
            *drawn,
            interpolation=self.interpolation,
            fill=fill,
            center=self.center,  # type: ignore[arg-type]
        )

    def __repr__(self) -> str:
        parts = [f"degrees={self.degrees}"]
        for name in ("translate", "scale", "shear"):
            if getattr(self, name) is not None:
                parts.append(f"{name}={getattr(self, name)}")
        if self.interpolation != InterpolationMode.NEAREST:
            parts.append(f"interpolation={self.interpolation.value}")
        if self.fill != 0:
            parts.append(f"fill={self.fill}")
        if self.center is not None:
            parts.append(f"center={self.center}")
        return f"{type(self).__name__}({', '.join(parts)})"


class RandomPerspective(nn.Module):
    """An image as seen from another point, with probability ``p``.

    Args:
        distortion_scale: how far the corners may move: part of half of the sides.
        p: the probability.
        interpolation, fill: as for ``functional.perspective``.

    Draws: one number; then x and y of each corner: top left, top right, bottom right, bottom left.

    Raises: TypeError for a fill of another type.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.RandomPerspective(p=1)(torch.rand(3, 8, 8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: Any = InterpolationMode.BILINEAR,
        fill: float | Sequence[float] = 0,
    ) -> None:
        super().__init__()
        self.p = p
        self.interpolation = interpolation_mode(interpolation)
        self.distortion_scale = distortion_scale
        self.fill = number_or_sequence(fill)

    @staticmethod
    def get_params(
        width: int, height: int, distortion_scale: float
    ) -> tuple[list[list[int]], list[list[int]]]:
        """The four corners, and where they go."""
        dx = int(distortion_scale * (width // 2))
        dy = int(distortion_scale * (height // 2))
        left, right = (0, dx + 1), (width - dx - 1, width)
        top, bottom = (0, dy + 1), (height - dy - 1, height)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        ends = [[whole(*across), whole(*down)] for across, down in corners]
        starts = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
        return starts, ends

    def forward(self, img: Any) -> Any:
        """The image, distorted or not."""
        fill = fill_for(img, self.fill)
        if not chance(self.p):
            return img
        _, height, width = F.get_dimensions(img)
        starts, ends = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, starts, ends, self.interpolation, fill)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"
