"""Brightness, contrast, saturation, hue and gamma; grey images."""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor
from minigrad.vision.pillow import is_pil, pillow
from minigrad.vision.transforms.functional.conversion import convert_image_dtype
from minigrad.vision.transforms.functional.images import check_channels, is_pil_image, max_value

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "blend",
    "rgb_to_grayscale",
    "to_grayscale",
]


def blend(img: Tensor, other: Tensor | float, ratio: float) -> Tensor:
    """ratio * img + (1 - ratio) * other, kept within the range of the dtype."""
    mixed = ratio * img + (1.0 - ratio) * other
    return mixed.clamp(0, max_value(img.dtype)).to(img.dtype)


def _check_factor(name: str, factor: float) -> float:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")
    return float(factor)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """An image mixed with black.   y = factor * x

    Args:
        img: PIL image or tensor (..., 1 or 3, H, W).
        brightness_factor: 0 gives black, 1 the image, 2 twice its brightness.

    Raises: ValueError for a negative factor; TypeError for another number of channels.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.adjust_brightness(torch.tensor([[[10, 200]]], dtype=torch.uint8), 1.5)
    tensor([[[ 15, 255]]], dtype=torch.uint8)
    """
    if is_pil_image(img):
        return pillow("ImageEnhance").Brightness(img).enhance(brightness_factor)
    factor = _check_factor("brightness_factor", brightness_factor)
    check_channels(img, [1, 3])
    return (factor * img).clamp(0, max_value(img.dtype)).to(img.dtype)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """An image mixed with its mean grey.   y = factor * x + (1 - factor) * mean

    Args:
        img: PIL image or tensor (..., 1 or 3, H, W).
        contrast_factor: 0 gives grey, 1 the image, 2 twice its contrast.

    Raises: ValueError for a negative factor; TypeError for another number of channels.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.adjust_contrast(torch.tensor([[[0.25, 0.75]]]), 0.5)
    tensor([[[0.3750, 0.6250]]])
    """
    if is_pil_image(img):
        return pillow("ImageEnhance").Contrast(img).enhance(contrast_factor)
    factor = _check_factor("contrast_factor", contrast_factor)
    grey = _grey(img) if check_channels(img, [1, 3]) == 3 else img
    dtype = img.dtype if img.is_floating_point() else mg.float32
    return blend(img, grey.to(dtype).mean(dim=(-3, -2, -1), keepdim=True), factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """An image mixed with its grey form.   y = factor * x + (1 - factor) * grey

    Args:
        img: PIL image or tensor (..., 1 or 3, H, W).
        saturation_factor: 0 gives grey, 1 the image, 2 twice its saturation.

    Raises: ValueError for a negative factor; TypeError for another number of channels.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.adjust_saturation(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1), 0.0).flatten()
    tensor([0.2989, 0.2989, 0.2989])
    """
    if is_pil_image(img):
        return pillow("ImageEnhance").Color(img).enhance(saturation_factor)
    factor = _check_factor("saturation_factor", saturation_factor)
    return img if check_channels(img, [1, 3]) == 1 else blend(img, _grey(img), factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """An image whose colours are moved around the circle of hues.

    Args:
        img: PIL image or tensor (..., 1 or 3, H, W).
        hue_factor: part of the circle, in -0.5..0.5.

    Raises: ValueError for a factor out of range; TypeError for another number of channels.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.adjust_hue(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1), 1 / 3).flatten()
    tensor([0., 1., 0.])
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if is_pil_image(img):
        return _adjust_hue_pil(img, hue_factor)
    if check_channels(img, [1, 3]) == 1:
        return img
    hue, saturation, value = _to_hsv(convert_image_dtype(img, mg.float32))
    turned = (hue + hue_factor) % 1.0
    return convert_image_dtype(_from_hsv(turned, saturation, value), img.dtype)


def _adjust_hue_pil(img: Any, hue_factor: float) -> Any:
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turn = np.int32(hue_factor * 255).astype(np.uint8)  # negative ones go round the other way
    turned = pillow().fromarray(np.asarray(hue, np.uint8) + turn)
    return pillow().merge("HSV", (turned, saturation, value)).convert(img.mode)


def _to_hsv(img: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value, all in 0..1, each without the axis of channels."""
    red, green, blue = img.unbind(dim=-3)
    value, lowest = img.amax(dim=-3), img.amin(dim=-3)
    grey, spread = value == lowest, value - lowest
    saturation = spread / mg.where(grey, 1.0, value)
    spread = mg.where(grey, 1.0, spread)
    from_red, from_green, from_blue = ((value - c) / spread for c in (red, green, blue))
    sector = mg.where(
        value == red,
        from_blue - from_green,
        mg.where(value == green, 2.0 + from_red - from_blue, 4.0 + from_green - from_red),
    )
    return mg.fmod(sector / 6.0 + 1.0, 1.0), saturation, value


def _from_hsv(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Red, green and blue: each goes up, stays, comes down and stays as the hue goes round."""
    sector = mg.floor(hue * 6.0)
    rest = hue * 6.0 - sector
    low = (value * (1.0 - saturation)).clamp(0.0, 1.0)
    falling = (value * (1.0 - saturation * rest)).clamp(0.0, 1.0)
    rising = (value * (1.0 - saturation * (1.0 - rest))).clamp(0.0, 1.0)
    sector = (sector.to(mg.int64) % 6)[None]
    curves = (
        (value, falling, low, low, rising, value),
        (rising, value, value, falling, low, low),
        (low, low, rising, value, value, falling),
    )
    return mg.stack([mg.stack(curve).gather(0, sector)[0] for curve in curves], dim=-3)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """Gamma correction.   y = gain * x^gamma, for values in 0..1

    Args:
        img: PIL image or tensor.
        gamma: above 1 the shadows get darker, below 1 lighter.
        gain: factor.

    Raises: ValueError for a negative gamma.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.adjust_gamma(torch.tensor([[[0.5, 1.0]]]), 2)
    tensor([[[0.2500, 1.0000]]])
    """
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    if is_pil_image(img):
        table = [int((255 + 1 - 1e-3) * gain * pow(x / 255.0, gamma)) for x in range(256)]
        return img.convert("RGB").point(table * 3).convert(img.mode)
    check_channels(img, [1, 3])
    bright = img if img.is_floating_point() else convert_image_dtype(img, mg.float32)
    return convert_image_dtype((gain * bright**gamma).clamp(0, 1), img.dtype)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The brightness of an image in colours.   y = 0.2989 r + 0.587 g + 0.114 b

    Args:
        img: PIL image or tensor (..., 1 or 3, H, W).
        num_output_channels: 1, or 3 of the same values.

    Raises: ValueError for another number of output channels; TypeError for one of the input.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.rgb_to_grayscale(torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1))
    tensor([[[0.8859]]])
    """
    if is_pil_image(img):
        return to_grayscale(img, num_output_channels)
    if img.ndim < 3:
        raise TypeError(
            f"Input image tensor should have at least 3 dimensions, but found {img.ndim}"
        )
    _check_outputs(num_output_channels)
    grey = _grey(img) if check_channels(img, [1, 3]) == 3 else img.clone()
    if num_output_channels == 3:
        return grey.expand(*grey.shape[:-3], 3, -1, -1)
    return grey


def _check_outputs(count: int) -> None:
    if count not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")


def _grey(img: Tensor) -> Tensor:
    red, green, blue = img.unbind(dim=-3)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).to(img.dtype).unsqueeze(-3)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The brightness of a PIL image, in one channel or in three of the same values.

    Raises: TypeError for anything but a PIL image; ValueError for another number of channels.

    >>> from PIL import Image
    >>> from minigrad.vision.transforms import functional as F
    >>> F.to_grayscale(Image.new("RGB", (2, 2), (255, 0, 0))).getpixel((0, 0))
    76
    """
    if not is_pil(img):
        raise TypeError("Input should be PIL Image")
    _check_outputs(num_output_channels)
    grey = img.convert("L")
    return grey if num_output_channels == 1 else pillow().merge("RGB", (grey, grey, grey))
