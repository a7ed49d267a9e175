"""The ways to find a value between pixels, by torchvision's names and Pillow's numbers."""

from __future__ import annotations

from enum import Enum
from typing import Any

__all__ = ["InterpolationMode", "interpolation_mode", "pillow_number"]


class InterpolationMode(Enum):
    """How values between pixels are found; some are for PIL images only.

    >>> from minigrad.vision.transforms import InterpolationMode
    >>> InterpolationMode.BILINEAR.value
    'bilinear'
    """

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"  # these three: PIL images only
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_PILLOW = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
    InterpolationMode.NEAREST_EXACT: 0,
}
_OF_NUMBER = {number: mode for mode, number in reversed(_PILLOW.items())}


def interpolation_mode(value: Any) -> InterpolationMode:
    """A mode, or Pillow's number for one.

    Raises: TypeError for anything else.
    """
    if isinstance(value, int) and value in _OF_NUMBER:
        return _OF_NUMBER[value]
    if not isinstance(value, InterpolationMode):
        raise TypeError(
            "Argument interpolation should be a InterpolationMode or a corresponding Pillow "
            f"integer constant, got {value!r}"
        )
    return value


def pillow_number(mode: InterpolationMode) -> int:
    """What Pillow calls a mode."""
    return _PILLOW[mode]
