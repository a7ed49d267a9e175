"""Other sizes and other places: resizing, cutting out, padding, flipping."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from minigrad import Tensor
from minigrad.nn import functional as nnf
from minigrad.vision.pillow import pillow
from minigrad.vision.transforms.functional.fills import pillow_fill
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

__all__ = [
    "center_crop",
    "crop",
    "five_crop",
    "hflip",
    "pad",
    "resize",
    "resized_crop",
    "ten_crop",
    "vflip",
]


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """An image at another size.

    Args:
        img: PIL image or tensor (..., H, W).
        size: height and width, or one number for the shorter side.
        interpolation: how values between pixels are found.
        max_size: the longer side's limit, where ``size`` is one number.
        antialias: smooth what is made smaller (tensors, bilinear and bicubic; PIL always does).

    Raises: ValueError for sizes that make no sense; TypeError for another interpolation.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.resize(torch.rand(3, 20, 30), 10).shape
    torch.Size([3, 10, 15])
    """
    mode = interpolation_mode(interpolation)
    _, height, width = get_dimensions(img)
    new_height, new_width = _new_size(height, width, size, max_size)
    if (new_height, new_width) == (height, width):
        return img
    if is_pil_image(img):
        return img.resize((new_width, new_height), pillow_number(mode))
    return _resize_tensor(img, (new_height, new_width), mode, bool(antialias))


def _new_size(
    height: int, width: int, size: int | Sequence[int], max_size: int | None
) -> tuple[int, int]:
    sizes = [size] if isinstance(size, int) else list(size)
    if len(sizes) not in (1, 2):
        raise ValueError(
            f"Size must be an int or a 1 or 2 element tuple/list, not a {len(sizes)} element tuple/"
            "list"
        )
    if len(sizes) == 2:
        if max_size is not None:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, "
                "i.e. size should be an int or a sequence of length 1 in torchscript mode."
            )
        return int(sizes[0]), int(sizes[1])
    short, long = sorted((height, width))
    new_short, new_long = sizes[0], int(sizes[0] * long / short)
    if max_size is not None:
        if max_size <= sizes[0]:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested "
                f"size for the smaller edge size = {size}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_long, new_short) if width <= height else (new_short, new_long)


def _resize_tensor(
    img: Tensor, size: tuple[int, int], mode: InterpolationMode, antialias: bool
) -> Tensor:
    smooth = mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)
    if not smooth and mode not in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        raise ValueError("This Interpolation mode is unsupported with Tensor input")

    def run(x: Tensor) -> Tensor:
        if not smooth:
            return nnf.interpolate(x, size=size, mode=mode.value)
        y = nnf.interpolate(x, size=size, mode=mode.value, align_corners=False, antialias=antialias)
        # Bicubic weights can be negative, so that values may leave the range.
        over = mode == InterpolationMode.BICUBIC and not img.is_floating_point()
        return y.clamp(0, 255) if over else y

    return through_float(img, run)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """A rectangle out of an image; what lies outside of it is zero.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.crop(torch.arange(9).view(1, 3, 3), 1, 1, 2, 3)
    tensor([[[4, 5, 0],
             [7, 8, 0]]])
    """
    if is_pil_image(img):
        return img.crop((left, top, left + width, top + height))
    rows, columns = img.shape[-2:]
    bottom, right = top + height, left + width
    # A rectangle may lie outside altogether: then all of it is padding.
    inner = img[
        ...,
        min(max(top, 0), rows) : max(bottom, 0),
        min(max(left, 0), columns) : max(right, 0),
    ]
    missing = height - inner.shape[-2], width - inner.shape[-1]
    if not any(missing):
        return inner
    above, before = min(max(-top, 0), missing[0]), min(max(-left, 0), missing[1])
    return nnf.pad(inner, [before, missing[1] - before, above, missing[0] - above])


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """The rectangle in the middle, padded with zeros where the image is smaller.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.center_crop(torch.arange(12).view(1, 3, 4), (1, 2))
    tensor([[[5, 6]]])
    """
    height, width = _pair(output_size)
    _, rows, columns = get_dimensions(img)
    if width > columns or height > rows:
        over_x, over_y = max(width - columns, 0), max(height - rows, 0)
        sides = [over_x // 2, over_y // 2, (over_x + 1) // 2, (over_y + 1) // 2]
        img = pad(img, sides, fill=0)
        _, rows, columns = get_dimensions(img)
        if (rows, columns) == (height, width):
            return img
    top, left = round((rows - height) / 2.0), round((columns - width) / 2.0)
    return crop(img, top, left, height, width)


def _pair(size: Any) -> tuple[int, int]:
    if isinstance(size, numbers.Number):
        return int(cast(Any, size)), int(cast(Any, size))
    sizes = list(size)
    if len(sizes) == 1:
        return sizes[0], sizes[0]
    if len(sizes) != 2:
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return sizes[0], sizes[1]


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A rectangle out of an image, resized.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.resized_crop(torch.rand(3, 20, 30), 2, 3, 10, 10, [5, 5]).shape
    torch.Size([3, 5, 5])
    """
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def five_crop(img: Any, size: int | Sequence[int]) -> tuple[Any, Any, Any, Any, Any]:
    """The four corners and the middle: top left, top right, bottom left, bottom right, centre.

    Raises: ValueError if the image is smaller.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> [x.item() for x in F.five_crop(torch.arange(9).view(1, 3, 3), 1)]
    [0, 2, 6, 8, 4]
    """
    height, width = _pair(size)
    _, rows, columns = get_dimensions(img)
    if width > columns or height > rows:
        raise ValueError(
            f"Requested crop size {(height, width)} is bigger than input size {(rows, columns)}"
        )
    corners = [(0, 0), (0, columns - width), (rows - height, 0), (rows - height, columns - width)]
    one, two, three, four = (crop(img, top, left, height, width) for top, left in corners)
    return one, two, three, four, center_crop(img, [height, width])


def ten_crop(img: Any, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[Any, ...]:
    """``five_crop`` of the image, and of the image flipped.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> [x.item() for x in F.ten_crop(torch.arange(9).view(1, 3, 3), 1)]
    [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """
    flipped = vflip(img) if vertical_flip else hflip(img)
    return five_crop(img, size) + five_crop(flipped, size)


def hflip(img: Any) -> Any:
    """Left and right exchanged.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.hflip(torch.tensor([[[1, 2]]]))
    tensor([[[2, 1]]])
    """
    if is_pil_image(img):
        return img.transpose(pillow().Transpose.FLIP_LEFT_RIGHT)
    return img.flip(-1)


def vflip(img: Any) -> Any:
    """Top and bottom exchanged.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.vflip(torch.tensor([[[1], [2]]]))
    tensor([[[2],
             [1]]])
    """
    if is_pil_image(img):
        return img.transpose(pillow().Transpose.FLIP_TOP_BOTTOM)
    return img.flip(-2)


def pad(
    img: Any,
    padding: int | Sequence[int],
    fill: float | Sequence[float] = 0,
    padding_mode: str = "constant",
) -> Any:
    """An image with a border.

    Args:
        img: PIL image or tensor (..., H, W).
        padding: for all sides, for left/right and top/bottom, or left, top, right, bottom; negative
            numbers cut.
        fill: value of a constant border; for PIL images also one for each channel.
        padding_mode: ``constant``, ``edge`` (the last pixel), ``reflect`` (mirrored at it) or
            ``symmetric`` (mirrored behind it).

    Raises: TypeError for arguments of another type; ValueError for another mode or number of sides.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.pad(torch.tensor([[[1, 2, 3]]]), [2, 0], padding_mode="symmetric")
    tensor([[[2, 1, 1, 2, 3, 3, 2]]])
    """
    left, top, right, bottom = _sides(padding)
    if not isinstance(fill, numbers.Number | tuple | list):
        raise TypeError("Got inappropriate fill arg")
    if not isinstance(padding_mode, str):
        raise TypeError("Got inappropriate padding_mode arg")
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    if is_pil_image(img):
        if padding_mode == "constant":
            return _border(img, (left, top, right, bottom), fill)
        return _pad_pil(img, (left, top, right, bottom), padding_mode)
    if padding_mode != "constant":
        return _pad_by_index(img, (left, top, right, bottom), padding_mode)
    if isinstance(fill, tuple | list):
        if len(fill) != 1:
            raise TypeError("Got inappropriate fill arg")
        fill = fill[0]
    return nnf.pad(img, [left, right, top, bottom], value=float(cast(float, fill)))


def _sides(padding: Any) -> tuple[int, int, int, int]:
    """Left, top, right, bottom."""
    if not isinstance(padding, numbers.Number | tuple | list):
        raise TypeError("Got inappropriate padding arg")
    sides = [padding] if isinstance(padding, numbers.Number) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(
            "Padding must be an int or a 1, 2, or 4 element tuple, not a "
            f"{len(sides)} element tuple"
        )
    left, top, right, bottom = cast(list[int], (sides * 4)[:4])
    return left, top, right, bottom


def _border(img: Any, sides: tuple[int, int, int, int], fill: Any) -> Any:
    filled = pillow_fill(fill, img)
    bordered = pillow("ImageOps").expand(img, border=sides, fill=filled)
    if img.mode == "P" and (palette := img.getpalette()):
        bordered.putpalette(palette)  # expand goes through the palette, and fill counts in it
    return bordered


def _pad_pil(img: Any, sides: tuple[int, int, int, int], mode: str) -> Any:
    """Cut where a number is negative, and repeat pixels where it is not."""
    left, top, right, bottom = sides
    if min(sides) < 0:
        box = (-min(left, 0), -min(top, 0), img.width + min(right, 0), img.height + min(bottom, 0))
        img = img.crop(box)
        left, top, right, bottom = (max(side, 0) for side in sides)
    image = pillow()
    pixels = np.asarray(img)
    around = ((top, bottom), (left, right), (0, 0))[: pixels.ndim]
    padded: Any = image.fromarray(np.pad(pixels, around, mode=mode))  # type: ignore[call-overload]
    if img.mode == "P":
        padded.putpalette(img.getpalette())
    return padded


def _pad_by_index(img: Tensor, sides: tuple[int, int, int, int], mode: str) -> Tensor:
    """Rows and columns taken once more, in NumPy's order for this mode; of any dtype."""
    left, top, right, bottom = sides
    for axis, before, after in ((-2, top, bottom), (-1, left, right)):
        if before or after:
            size = img.shape[axis]
            kept = np.arange(size)[max(-before, 0) : size - max(-after, 0)]
            width = (max(before, 0), max(after, 0))
            if mode == "reflect" and max(width) >= len(kept):
                raise RuntimeError(
                    f"pad: a border of {max(width)} cannot be mirrored in {len(kept)} pixels"
                )
            order = np.pad(kept, width, mode=mode)  # type: ignore[call-overload]
            img = img.index_select(axis, _index(order))
    return img


def _index(order: np.ndarray) -> Tensor:
    from minigrad import from_numpy

    return from_numpy(order)
