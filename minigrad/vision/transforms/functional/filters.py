"""What a pixel becomes by its neighbours: blur and sharpness; and rectangles wiped out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor
from minigrad.nn import functional as nnf
from minigrad.vision.pillow import pillow
from minigrad.vision.transforms.functional.colors import blend
from minigrad.vision.transforms.functional.conversion import pil_to_tensor, to_pil_image
from minigrad.vision.transforms.functional.images import (
    check_channels,
    is_pil_image,
    through_float,
)

__all__ = ["adjust_sharpness", "erase", "gaussian_blur"]


def gaussian_blur(
    img: Any, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None
) -> Any:
    """An image blurred by the bell curve.   w(x) ~ exp(-x^2 / (2 sigma^2)), borders mirrored

    Args:
        img: PIL image or tensor (..., C, H, W).
        kernel_size: odd width of the curve, or widths along x and y.
        sigma: standard deviation, or those along x and y; by default 0.15 kernel_size + 0.35.

    Raises: TypeError and ValueError for arguments that are none of these.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> image = torch.tensor([[[0.0, 0.0, 1.0, 0.0, 0.0]] * 3])
    >>> F.gaussian_blur(image, 3, 1.0)[0, 0]
    tensor([0.0000, 0.2741, 0.4519, 0.2741, 0.0000])
    """
    widths = _widths(kernel_size)
    deviations = _deviations(sigma, widths)
    if is_pil_image(img):
        blurred = gaussian_blur(pil_to_tensor(img), widths, deviations)
        return to_pil_image(blurred, mode=img.mode)
    curves = [_bell(n, s) for n, s in zip(widths, deviations, strict=True)]

    def run(x: Tensor) -> Tensor:
        half = [n // 2 for n in widths]
        x = nnf.pad(x, [half[0], half[0], half[1], half[1]], mode="reflect")
        across, down = (mg.from_numpy(c).to(dtype=x.dtype, device=x.device) for c in curves)
        return _along(_along(x, across, -1), down, -2)

    return through_float(img, run)


def _along(x: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Each channel of (N, C, H, W) convolved along one axis."""
    shape = x.shape
    kernel = weights.view(1, 1, 1, -1) if axis == -1 else weights.view(1, 1, -1, 1)
    y = nnf.conv2d(x.reshape(-1, 1, *shape[-2:]), kernel)
    return y.view(*shape[:2], *y.shape[-2:])


def _bell(width: int, sigma: float) -> np.ndarray:
    x = np.arange(width) - (width - 1) / 2
    weights: np.ndarray = np.exp(-0.5 * (x / sigma) ** 2)
    weights /= weights.sum()
    return weights


def _widths(kernel_size: Any) -> list[int]:
    if not isinstance(kernel_size, int | list | tuple):
        raise TypeError(
            f"kernel_size should be int or a sequence of integers. Got {type(kernel_size)}"
        )
    widths = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    if len(widths) != 2:
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(widths)}")
    if any(n % 2 == 0 or n < 0 for n in widths):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {kernel_size}")
    return widths


def _deviations(sigma: Any, widths: list[int]) -> list[float]:
    if sigma is None:
        return [n * 0.15 + 0.35 for n in widths]
    if not isinstance(sigma, int | float | list | tuple):
        raise TypeError(
            f"sigma should be either float or sequence of floats. Got type {type(sigma)}"
        )
    values = [sigma] if isinstance(sigma, int | float) else list(sigma)
    values = values * 2 if len(values) == 1 else values
    if len(values) != 2:
        raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(values)}")
    if any(s <= 0.0 for s in values):
        raise ValueError(f"sigma should have positive values. Got {sigma}")
    return [float(s) for s in values]


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """An image mixed with a blurred one.   y = factor * x + (1 - factor) * blurred

    The blur weighs a pixel 5/13 and its eight neighbours 1/13 each; pixels at the border stay.

    Args:
        img: PIL image or tensor (..., 1 or 3, H, W).
        sharpness_factor: 0 gives the blurred image, 1 the image, 2 twice its sharpness.

    Raises: ValueError for a negative factor; TypeError for another number of channels.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> spot = torch.zeros(1, 3, 3)
    >>> spot[0, 1, 1] = 0.5
    >>> F.adjust_sharpness(spot, 0.0)[0, 1]
    tensor([0.0000, 0.1923, 0.0000])
    """
    if is_pil_image(img):
        return pillow("ImageEnhance").Sharpness(img).enhance(sharpness_factor)
    check_channels(img, [1, 3])
    if sharpness_factor < 0:
        raise ValueError(f"sharpness_factor ({sharpness_factor}) is not non-negative.")
    if img.shape[-1] <= 2 or img.shape[-2] <= 2:
        return img
    return blend(img, through_float(img, _softened), sharpness_factor)


def _softened(x: Tensor) -> Tensor:
    kernel = x.new_full((1, 1, 3, 3), 1.0)
    kernel[0, 0, 1, 1] = 5.0
    inner = nnf.conv2d(x.reshape(-1, 1, *x.shape[-2:]), kernel / 13.0)
    y = x.clone()
    y[..., 1:-1, 1:-1] = inner.view(*x.shape[:2], *inner.shape[-2:])
    return y


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Tensor:
    """A tensor (..., C, H, W) with a rectangle of other values at row ``i`` and column ``j``.

    Raises: TypeError for anything but a tensor.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.erase(torch.ones(1, 2, 3), 0, 1, 1, 2, torch.tensor(0.0))
    tensor([[[1., 0., 0.],
             [1., 1., 1.]]])
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"Tensor is not a torch image. Got {type(img)}")
    if not inplace:
        img = img.clone()
    img[..., i : i + h, j : j + w] = v
    return img
