"""Turned, sheared and tilted images: every pixel of the result is looked up in the original."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor
from minigrad.nn import functional as nnf
from minigrad.vision.pillow import pillow
from minigrad.vision.transforms.functional.fills import pillow_fill, tensor_fill
from minigrad.vision.transforms.functional.images import (
    get_dimensions,
    is_pil_image,
    through_float,
)
from minigrad.vision.transforms.functional.modes import (
    InterpolationMode,
    interpolation_mode,
    pillow_number,
)

__all__ = ["affine", "perspective", "rotate"]

_NEAREST = InterpolationMode.NEAREST


def rotate(
    img: Any,
    angle: float,
    interpolation: InterpolationMode | int = _NEAREST,
    expand: bool = False,
    center: Sequence[int] | None = None,
    fill: float | Sequence[float] | None = None,
) -> Any:
    """An image turned against the clock.

    Args:
        img: PIL image or tensor (..., C, H, W).
        angle: degrees.
        interpolation: nearest or bilinear; for PIL images bicubic too.
        expand: make room for the whole of the turned image.
        center: x and y of what stays in place; by default the middle.
        fill: value, or one for each channel, of what lies outside of the original.

    Raises: TypeError and ValueError for arguments that are none of these.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.rotate(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 90)
    tensor([[[2., 4.],
             [1., 3.]]])
    """
    mode = interpolation_mode(interpolation)
    if not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    _check_center(center)
    if is_pil_image(img):
        return img.rotate(
            angle, pillow_number(mode), expand, center, fillcolor=pillow_fill(fill, img)
        )
    _, height, width = get_dimensions(img)
    matrix = _inverse(_from_middle(center, width, height), -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    size = _turned_size(matrix, height, width) if expand else (height, width)
    return _sample(img, *_places(matrix, (height, width), size), mode, fill)


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: InterpolationMode | int = _NEAREST,
    fill: float | Sequence[float] | None = None,
    center: Sequence[int] | None = None,
) -> Any:
    """An image turned clockwise, sheared, scaled and moved, its size unchanged.

    Args:
        img: PIL image or tensor (..., C, H, W).
        angle: degrees.
        translate: pixels to the right and downwards.
        scale: factor.
        shear: degrees along x, or along x and y.
        interpolation: nearest or bilinear; for PIL images bicubic too.
        fill: value, or one for each channel, of what lies outside of the original.
        center: x and y of what stays in place; by default the middle.

    Formula: of a point p of the result, the original is asked at M^-1 (p - c - t) + c, where
    M = scale * R(angle) * Shear.

    Raises: TypeError and ValueError for arguments that are none of these.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.affine(torch.tensor([[[1.0, 2.0, 3.0]]]), 0, [1, 0], 1.0, 0)
    tensor([[[0., 1., 2.]]])
    """
    mode = interpolation_mode(interpolation)
    if not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, list | tuple):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    _check_center(center)
    shears = _shears(shear)
    moved = (float(translate[0]), float(translate[1]))
    _, height, width = get_dimensions(img)
    if is_pil_image(img):
        # Pillow counts from the corner of the image.
        middle = (width * 0.5, height * 0.5) if center is None else (center[0], center[1])
        matrix = _inverse(middle, angle, moved, scale, shears)
        return _transform_pil(img, "AFFINE", matrix, mode, fill)
    matrix = _inverse(_from_middle(center, width, height), angle, moved, scale, shears)
    return _sample(img, *_places(matrix, (height, width), (height, width)), mode, fill)


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[int]],
    endpoints: Sequence[Sequence[int]],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: float | Sequence[float] | None = None,
) -> Any:
    """An image as seen from another point: four points of it go to four others.

    Args:
        img: PIL image or tensor (..., C, H, W).
        startpoints: x and y of four corners: top left, top right, bottom right, bottom left.
        endpoints: where these go.
        interpolation: nearest or bilinear; for PIL images bicubic too.
        fill: value, or one for each channel, of what lies outside of the original.

    Formula: the pixel (x, y) of the result is the original's at
    ((a x + b y + c) / (g x + h y + 1), (d x + e y + f) / (g x + h y + 1)).

    Raises: TypeError for another interpolation; ValueError for one that tensors do not have.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> corners = [[0, 0], [2, 0], [2, 2], [0, 2]]
    >>> turned = [[2, 0], [2, 2], [0, 2], [0, 0]]
    >>> F.perspective(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), corners, turned).round()
    tensor([[[3., 1.],
             [4., 2.]]])
    """
    coefficients = _perspective_coefficients(startpoints, endpoints)
    mode = interpolation_mode(interpolation)
    if is_pil_image(img):
        return _transform_pil(img, "PERSPECTIVE", coefficients, mode, fill)
    _, height, width = get_dimensions(img)
    a, b, c, d, e, f, g, h = coefficients
    x, y = _pixel_centres(height, width)
    below = g * x + h * y + 1
    across, down = (a * x + b * y + c) / below, (d * x + e * y + f) / below
    return _sample(img, across - 0.5, down - 0.5, mode, fill)


def _check_center(center: Any) -> None:
    if center is not None and not isinstance(center, list | tuple):
        raise TypeError("Argument center should be a sequence")


def _shears(shear: Any) -> tuple[float, float]:
    if isinstance(shear, numbers.Number):
        return float(shear), 0.0  # type: ignore[arg-type]
    if not isinstance(shear, list | tuple):
        raise TypeError("Shear should be either a single value or a sequence of two values")
    values = list(shear) * 2 if len(shear) == 1 else list(shear)
    if len(values) != 2:
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    return float(values[0]), float(values[1])


def _from_middle(center: Any, width: int, height: int) -> tuple[float, float]:
    """A point of the image, counted from its middle."""
    if center is None:
        return 0.0, 0.0
    return center[0] - width * 0.5, center[1] - height * 0.5


def _inverse(
    center: tuple[float, float],
    angle: float,
    translate: tuple[float, float],
    scale: float,
    shear: tuple[float, float],
) -> list[float]:
    """Six numbers: the matrix by which a point of the result is looked up in the original.

    The matrix of the turn and the shears has determinant one, so its inverse is read off it.
    """
    turn, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    a = math.cos(turn - sy) / math.cos(sy)
    b = -math.cos(turn - sy) * math.tan(sx) / math.cos(sy) - math.sin(turn)
    c = math.sin(turn - sy) / math.cos(sy)
    d = -math.sin(turn - sy) * math.tan(sx) / math.cos(sy) + math.cos(turn)
    p, q, r, s = d / scale, -b / scale, -c / scale, a / scale
    x, y = -center[0] - translate[0], -center[1] - translate[1]
    return [p, q, p * x + q * y + center[0], r, s, r * x + s * y + center[1]]


def _turned_size(matrix: list[float], height: int, width: int) -> tuple[int, int]:
    """Height and width of the rectangle around the image's corners after the turn."""
    p, q, r, s = matrix[0], matrix[1], matrix[3], matrix[4]
    corners = [(x * width / 2, y * height / 2) for x in (-1, 1) for y in (-1, 1)]
    across = [p * x + q * y + matrix[2] + width / 2 for x, y in corners]
    down = [r * x + s * y + matrix[5] + height / 2 for x, y in corners]
    return _length(down), _length(across)


def _length(values: list[float]) -> int:
    """How many pixels hold an interval; a ten-thousandth of one more or less is rounding.

    In float32, as torchvision computes it: there 1.9999999999999996 is 2.
    """
    step = np.float32(1e-4)
    low, high = (np.trunc(np.float32(v) / step) * step for v in (min(values), max(values)))
    return int(np.ceil(high) - np.floor(low))


def _pixel_centres(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """x (1, W) and y (H, 1) of the middles of the pixels."""
    return np.arange(width)[None] + 0.5, np.arange(height)[:, None] + 0.5


def _places(
    matrix: list[float], size: tuple[int, int], out: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Column and row (H, W) in the original, not whole, of each pixel of the result."""
    p, q, u, r, s, v = matrix
    x, y = _pixel_centres(*out)
    x, y = x - out[1] * 0.5, y - out[0] * 0.5
    across, down = p * x + q * y + u, r * x + s * y + v
    return across + (size[1] - 1) * 0.5, down + (size[0] - 1) * 0.5


def _sample(
    img: Tensor, across: np.ndarray, down: np.ndarray, mode: InterpolationMode, fill: Any
) -> Tensor:
    """The image at these columns and rows, and ``fill`` where they lie outside of it."""
    if mode not in (_NEAREST, InterpolationMode.BILINEAR):
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    colour = tensor_fill(fill, get_dimensions(img)[0])
    height, width = img.shape[-2:]
    # What lies farther out sees nothing but the border of zeros that is put around the image.
    across, down = across.clip(-1, width), down.clip(-1, height)
    if mode == _NEAREST:
        across, down = np.rint(across), np.rint(down)
        found = _corners(img, across, down, 1)[0]
        if colour is None or not any(colour):
            return found
        inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
        return mg.where(_like(inside, img, mg.bool), found, _shade(colour, img))
    left, top = np.floor(across), np.floor(down)

    def run(x: Tensor) -> Tensor:
        right_share = _like(across - left, x, x.dtype)
        lower_share = _like(down - top, x, x.dtype)
        one, two, three, four = _corners(x, left, top, 4)
        upper = one + (two - one) * right_share
        lower = three + (four - three) * right_share
        return upper + (lower - upper) * lower_share

    if colour is None:
        return through_float(img, run)

    def run_filled(x: Tensor) -> Tensor:
        # At the rim torchvision fades what has faded already, so that the fill shines through.
        share = run(mg.ones_like(x[:1, :1]))
        return run(x) * share + (1.0 - share) * _shade(colour, x)

    return through_float(img, run_filled)


def _corners(img: Tensor, columns: np.ndarray, rows: np.ndarray, count: int) -> list[Tensor]:
    """The pixels at whole columns and rows from -1 on, and those right, below, and both of them."""
    height, width = img.shape[-2:]
    flat = nnf.pad(img, [1, 2, 1, 2]).reshape(-1, (height + 3) * (width + 3))
    index = ((rows + 1) * (width + 3) + (columns + 1)).astype(np.int64).reshape(-1)
    shape = (*img.shape[:-2], *columns.shape)
    return [
        flat.index_select(1, _like(index + step, img, mg.int64)).reshape(shape)
        for step in (0, 1, width + 3, width + 4)[:count]
    ]


def _like(values: np.ndarray, img: Tensor, dtype: mg.dtype) -> Tensor:
    return mg.from_numpy(values).to(dtype=dtype, device=img.device)


def _shade(colour: list[float], img: Tensor) -> Tensor:
    """A colour that can be laid over the image."""
    shade = mg.tensor(colour, device=img.device)
    shade = shade if img.is_floating_point() else shade.round()
    return shade.to(img.dtype).view(-1, 1, 1) if img.ndim > 2 else shade.to(img.dtype)[0]


def _transform_pil(
    img: Any, kind: str, numbers_: Sequence[float], mode: InterpolationMode, fill: Any
) -> Any:
    method = getattr(pillow().Transform, kind)
    return img.transform(
        img.size, method, tuple(numbers_), pillow_number(mode), fillcolor=pillow_fill(fill, img)
    )


def _perspective_coefficients(
    startpoints: Sequence[Sequence[int]], endpoints: Sequence[Sequence[int]]
) -> list[float]:
    """The eight numbers of the lookup, each point giving two linear equations for them."""
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            "Please provide exactly four corners, got "
            f"{len(startpoints)} startpoints and {len(endpoints)} endpoints."
        )
    rows = []
    for (x, y), (u, v) in zip(endpoints, startpoints, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    wanted = np.asarray(startpoints, np.float64).reshape(8)
    solved = np.linalg.lstsq(np.asarray(rows, np.float64), wanted, rcond=None)[0]
    return [float(value) for value in solved.astype(np.float32)]
