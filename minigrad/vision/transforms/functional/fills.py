"""The colour of what an image has no pixels for."""

from __future__ import annotations

import numbers
from typing import Any

__all__ = ["number_or_sequence", "pillow_fill", "tensor_fill"]


def pillow_fill(fill: Any, img: Any) -> Any:
    """A fill as Pillow takes it for this image: a number, or one for each channel.

    Raises: ValueError for another number of numbers than the image has channels.
    """
    channels = len(img.getbands())
    fill = 0 if fill is None else fill
    if isinstance(fill, numbers.Number):
        fill = [fill] * channels
    elif len(fill) == 1:
        fill = list(fill) * channels
    elif len(fill) != channels:
        raise ValueError(
            "The number of elements in 'fill' does not match the number of channels of the image "
            f"({len(fill)} != {channels})"
        )
    values = tuple(fill) if img.mode == "F" else tuple(int(x) for x in fill)
    return values[0] if channels == 1 else values


def tensor_fill(fill: Any, channels: int) -> list[float] | None:
    """A fill for the channels of a tensor; None where nothing was asked for.

    Raises: ValueError for another number of numbers than there are channels.
    """
    if fill is None:
        return None
    values = [float(x) for x in (fill if isinstance(fill, list | tuple) else [fill])]
    if len(values) not in (1, channels):
        raise ValueError(
            "The number of elements in 'fill' cannot broadcast to match the number of channels of "
            f"the image ({len(values)} != {channels})"
        )
    return values


def number_or_sequence(fill: Any) -> Any:
    """What a transform takes as its fill; None is 0.

    Raises: TypeError for anything but a number or a sequence.
    """
    from collections.abc import Sequence

    if fill is None:
        return 0
    if not isinstance(fill, Sequence | numbers.Number):
        raise TypeError("Fill should be either a sequence or a number.")
    return fill
