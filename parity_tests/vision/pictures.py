"""Images to try transforms on, for Pillow, minigrad and torch, and how they are compared."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

import minigrad as mg
from minigrad.vision.transforms import InterpolationMode
from parity_tests.tolerances import TOL

__all__ = ["MODES", "close", "photo", "picture", "pixels", "same", "tensors"]

MODES = {
    "nearest": InterpolationMode.NEAREST,
    "nearest-exact": InterpolationMode.NEAREST_EXACT,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
}


def pixels(height: int = 13, width: int = 17, channels: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def picture(height: int = 13, width: int = 17, mode: str = "RGB") -> Image.Image:
    channels = {"L": 0, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    return Image.fromarray(pixels(height, width, channels), mode=mode)


def photo(height: int = 40, width: int = 52) -> Image.Image:
    """Smooth, so that two ways to resize it must agree."""
    return picture(5, 6).resize((width, height), Image.Resampling.BICUBIC)


def tensors(*lead: int, dtype: str = "float32", height: int = 13, width: int = 17):
    """The same random image for minigrad and for torch."""
    values = np.random.default_rng(1).integers(0, 256, (*lead, 3, height, width), np.uint8)
    if dtype != "uint8":
        values = (values / 255).astype(dtype)
    return mg.from_numpy(values.copy()), torch.from_numpy(values)


def close(mine, theirs, dtype: str = "float32") -> None:
    assert str(mine.dtype) == str(theirs.dtype) and tuple(mine.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), **TOL[dtype])


def same(mine, theirs) -> None:
    """Two PIL images, or a PIL image and its array."""
    assert not isinstance(theirs, Image.Image) or mine.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
