"""What an image is: a PIL image, or a tensor whose last axes are (C, H, W)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import minigrad as mg
from minigrad import Tensor
from minigrad.vision.pillow import is_pil

__all__ = [
    "check_channels",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "is_pil_image",
    "max_value",
    "through_float",
]


def is_pil_image(img: Any) -> bool:
    """True for a PIL image, False for a tensor.

    Raises: TypeError for anything else, and for a tensor with fewer than two axes.
    """
    if isinstance(img, Tensor):
        if img.ndim < 2:
            raise TypeError("Tensor is not a torch image.")
        return False
    if is_pil(img):
        return True
    raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.get_dimensions(torch.zeros(8, 3, 4, 5))
    [3, 4, 5]
    """
    if is_pil_image(img):
        return [len(img.getbands()), img.height, img.width]
    return [1 if img.ndim == 2 else img.shape[-3], img.shape[-2], img.shape[-1]]


def get_image_size(img: Any) -> list[int]:
    """Width and height.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.get_image_size(torch.zeros(8, 3, 4, 5))
    [5, 4]
    """
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Any) -> int:
    """Number of channels.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.get_image_num_channels(torch.zeros(4, 5))
    1
    """
    return get_dimensions(img)[0]


def check_channels(img: Tensor, permitted: Sequence[int]) -> int:
    """The number of channels of a tensor, if it is one of these.

    Raises: TypeError if it is not.
    """
    channels = get_dimensions(img)[0]
    if channels not in permitted:
        raise TypeError(
            f"Input image tensor permitted channel values are {list(permitted)}, "
            f"but found {channels}"
        )
    return channels


def max_value(dtype: mg.dtype) -> int:
    """The value of white: 1 for floats, the greatest number for integers."""
    if dtype.is_floating_point:
        return 1
    return 1 if dtype == mg.bool else int(mg.iinfo(dtype).max)


def through_float(img: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """``function`` of the images as floats (N, C, H, W), given back in the dtype they came in.

    Integers are rounded. float32 and float64 are computed as they are, all else in float32.
    """
    dtype, ndim = img.dtype, img.ndim
    x = img if dtype in (mg.float32, mg.float64) else img.to(mg.float32)
    if ndim == 3:  # one image, the usual case, in half the time
        y = function(x.unsqueeze(0)).squeeze(0)
    else:
        y = function(x.reshape(-1, *(x.shape[-3:] if ndim > 2 else (1, *x.shape))))
        y = y.reshape(*img.shape[:-3], *(y.shape[1:] if ndim > 2 else y.shape[2:]))
    if dtype == y.dtype:
        return y
    return (y if dtype.is_floating_point else y.round()).to(dtype)
