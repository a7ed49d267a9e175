"""Other tones for the same picture: inverted, fewer, stretched, evened out."""

from __future__ import annotations

from typing import Any

import minigrad as mg
from minigrad import Tensor
from minigrad.vision.pillow import pillow
from minigrad.vision.transforms.functional.images import check_channels, is_pil_image, max_value

__all__ = ["autocontrast", "equalize", "invert", "posterize", "solarize"]


def invert(img: Any) -> Any:
    """Black for white.   y = white - x

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.invert(torch.tensor([[[0, 55]]], dtype=torch.uint8))
    tensor([[[255, 200]]], dtype=torch.uint8)
    """
    if is_pil_image(img):
        return pillow("ImageOps").invert(img)
    _check(img)
    return max_value(img.dtype) - img


def posterize(img: Any, bits: int) -> Any:
    """Only so many of the upper bits of each value are kept.

    Raises: TypeError for a tensor that is not of bytes.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.posterize(torch.tensor([[[100, 200]]], dtype=torch.uint8), 2)
    tensor([[[ 64, 192]]], dtype=torch.uint8)
    """
    if is_pil_image(img):
        return pillow("ImageOps").posterize(img, bits)
    _check(img)
    _check_bytes(img)
    return img & (256 - 2 ** (8 - bits))


def solarize(img: Any, threshold: float) -> Any:
    """Values from a threshold on are inverted.

    Raises: TypeError for a threshold above white.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.solarize(torch.tensor([[[100, 200]]], dtype=torch.uint8), 128)
    tensor([[[100,  55]]], dtype=torch.uint8)
    """
    if is_pil_image(img):
        return pillow("ImageOps").solarize(img, threshold)
    _check(img)
    if threshold > max_value(img.dtype):
        raise TypeError("Threshold should be less than bound of img.")
    return mg.where(img >= threshold, max_value(img.dtype) - img, img)


def autocontrast(img: Any) -> Any:
    """Each channel stretched from black to white; one of a single value stays.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.autocontrast(torch.tensor([[[0.25, 0.5, 0.75]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    if is_pil_image(img):
        return pillow("ImageOps").autocontrast(img)
    _check(img)
    dtype = img.dtype if img.is_floating_point() else mg.float32
    low = img.amin(dim=(-2, -1), keepdim=True).to(dtype)
    high = img.amax(dim=(-2, -1), keepdim=True).to(dtype)
    white = max_value(img.dtype)
    flat = low == high
    scale = mg.where(flat, 1.0, white / mg.where(flat, 1.0, high - low))
    return ((img - mg.where(flat, 0.0, low)) * scale).clamp(0, white).to(img.dtype)


def equalize(img: Any) -> Any:
    """Values moved so that each occurs about equally often, channel by channel.

    Raises: TypeError for a tensor that is not of bytes.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> close = torch.tensor([100, 101, 102, 103], dtype=torch.uint8).repeat(1, 255, 1)
    >>> F.equalize(close)[0, 0]
    tensor([  0,  85, 170, 255], dtype=torch.uint8)
    """
    if is_pil_image(img):
        return pillow("ImageOps").equalize(img)
    _check(img)
    _check_bytes(img)
    planes = img.reshape(-1, img.shape[-2] * img.shape[-1])
    return mg.stack([_equalized(plane) for plane in planes]).reshape(img.shape)


def _equalized(values: Tensor) -> Tensor:
    counts = mg.bincount(values, minlength=256)
    seen = counts[counts != 0]
    step = int(seen[:-1].sum()) // 255
    if step == 0:
        return values
    table = (counts.cumsum(0) + step // 2) // step
    table = mg.cat([table.new_zeros(1), table[:-1]]).clamp(0, 255)
    return table[values.long()].to(mg.uint8)


def _check(img: Tensor) -> None:
    if img.ndim < 3:
        raise TypeError(
            f"Input image tensor should have at least 3 dimensions, but found {img.ndim}"
        )
    check_channels(img, [1, 3])


def _check_bytes(img: Tensor) -> None:
    if img.dtype != mg.uint8:
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")
