"""Pictures of tensors: many images in one, files, and boxes around things."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import IO, Any

import minigrad as mg
from minigrad import Tensor
from minigrad.vision.pillow import pillow
from minigrad.vision.transforms.functional.conversion import pil_to_tensor, to_pil_image

__all__ = ["draw_bounding_boxes", "draw_segmentation_masks", "make_grid", "save_image"]


def make_grid(
    tensor: Tensor | list[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[int, int] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Images side by side, in rows, as one image (3, H, W); grey ones in three equal channels.

    Args:
        tensor: images (B, C, H, W), or a list of images of one size.
        nrow: images in a row.
        padding: pixels between images and around them.
        normalize: scale the values to 0..1.
        value_range: least and greatest value to scale from; by default those found.
        scale_each: find them for each image.
        pad_value: value of the pixels between.

    Raises: TypeError for anything but tensors, and for a range that is no tuple.

    >>> import minigrad as torch
    >>> from minigrad.vision.utils import make_grid
    >>> make_grid(torch.rand(10, 1, 4, 5), nrow=4).shape
    torch.Size([3, 20, 30])
    """
    if not isinstance(tensor, Tensor):
        if not isinstance(tensor, list):
            raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
        for image in tensor:
            if not isinstance(image, Tensor):
                raise TypeError(
                    f"tensor or list of tensors expected, got a list containing {type(image)}"
                )
        tensor = mg.stack(tensor, dim=0)
    with mg.no_grad():
        images = _as_batch(tensor.detach())
        if normalize:
            images = _scaled(images, value_range, scale_each)
        if images.shape[0] == 1:
            return images.squeeze(0)
        return _laid_out(images, nrow, padding, pad_value)


def _as_batch(images: Tensor) -> Tensor:
    """Images (B, C, H, W), with three channels where there was one."""
    if images.ndim == 2:
        images = images[None]
    if images.ndim == 3:
        images = images[None]
    if images.ndim == 4 and images.shape[1] == 1:
        images = mg.cat((images, images, images), 1)
    return images


def _scaled(images: Tensor, value_range: tuple[int, int] | None, scale_each: bool) -> Tensor:
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError(
            "value_range has to be a tuple (min, max) if specified. min and max are numbers"
        )

    def scaled(x: Tensor) -> Tensor:
        ends = (float(x.min()), float(x.max())) if value_range is None else value_range
        low, high = ends
        return x.clamp(low, high).sub(low).div(max(high - low, 1e-5))

    return mg.stack([scaled(x) for x in images]) if scale_each else scaled(images)


def _laid_out(images: Tensor, nrow: int, padding: int, pad_value: float) -> Tensor:
    count, channels, rows, columns = images.shape
    across = min(nrow, count)
    down = math.ceil(count / across)
    height, width = rows + padding, columns + padding
    grid = images.new_full((channels, height * down + padding, width * across + padding), pad_value)
    for i, image in enumerate(images):
        top, left = i // across * height + padding, i % across * width + padding
        grid[:, top : top + rows, left : left + columns] = image
    return grid


def save_image(
    tensor: Tensor | list[Tensor],
    fp: str | os.PathLike[str] | IO[bytes],
    format: str | None = None,
    **kwargs: Any,
) -> None:
    """Write an image, or a grid of images, with values in 0..1 to a file.

    Args:
        tensor: as for ``make_grid``.
        fp: path, or file to write to.
        format: PNG, JPEG, ...; by default as the path ends.
        kwargs: further arguments of ``make_grid``.

    >>> import io
    >>> import minigrad as torch
    >>> from minigrad.vision.utils import save_image
    >>> file = io.BytesIO()
    >>> save_image(torch.rand(4, 3, 8, 8), file, format="PNG", nrow=2)
    >>> file.getvalue()[1:4]
    b'PNG'
    """
    grid = make_grid(tensor, **kwargs)
    # Half a step is added, so that cutting the fraction off rounds to the nearest.
    pixels = grid.mul(255).add(0.5).clamp(0, 255).permute(1, 2, 0).to(mg.uint8)
    pillow().fromarray(pixels.cpu().contiguous().numpy()).save(fp, format=format)


def draw_bounding_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: list[str | None] | None = None,
    colors: Any = None,
    fill: bool | None = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
) -> Tensor:
    """An image (3 or 1, H, W) with boxes drawn in it, given by x and y of two corners.

    Args:
        image: uint8, or float in 0..1.
        boxes: (N, 4): left, top, right, bottom.
        labels: text for each box.
        colors: one colour, or one for each box: a name, "#rrggbb" or a tuple; white by default.
        fill: colour the inside too, thinly.
        width: of the lines.
        font, font_size: a TrueType file and its size; by default Pillow's font.

    Raises: TypeError and ValueError for a tensor that is no such image, or boxes that are none.

    >>> import minigrad as torch
    >>> from minigrad.vision.utils import draw_bounding_boxes
    >>> black = torch.zeros(3, 4, 4, dtype=torch.uint8)
    >>> draw_bounding_boxes(black, torch.tensor([[0, 0, 2, 2]]), colors="red")[0]
    tensor([[255, 255, 255,   0],
            [255,   0, 255,   0],
            [255, 255, 255,   0],
            [  0,   0,   0,   0]], dtype=torch.uint8)
    """
    _check_picture(image)
    if image.shape[0] not in (1, 3):
        raise ValueError("Only grayscale and RGB images are supported")
    if boxes.shape[0] and bool(
        (boxes[:, 0] > boxes[:, 2]).any() or (boxes[:, 1] > boxes[:, 3]).any()
    ):
        raise ValueError("Boxes need to be in (xmin, ymin, xmax, ymax) format. Use box_convert")
    count = boxes.shape[0]
    if labels is not None and len(labels) != count:
        raise ValueError(
            f"The number of boxes ({count}) and labels ({len(labels)}) mismatch. "
            "Please specify labels for each box."
        )
    if not count:
        return image
    bytes_ = image if image.dtype == mg.uint8 else image.mul(255).to(mg.uint8)
    picture = to_pil_image(bytes_.expand(3, -1, -1).contiguous())
    _draw(picture, boxes, labels, _colours(colors, count), bool(fill), width, font, font_size)
    drawn = pil_to_tensor(picture)
    return drawn if image.dtype == mg.uint8 else drawn.to(image.dtype) / 255


def _check_picture(image: Any) -> None:
    if not isinstance(image, Tensor):
        raise TypeError(f"Tensor expected, got {type(image)}")
    if image.dtype != mg.uint8 and not image.is_floating_point():
        raise ValueError(f"The image dtype must be uint8 or float, got {image.dtype}")
    if image.ndim != 3:
        raise ValueError("Pass individual images, not batches")


def _colours(colors: Any, count: int) -> list[tuple[int, ...]]:
    """One colour for each of the things to draw."""
    if isinstance(colors, list):
        if len(colors) < count:
            raise ValueError(
                f"Number of colors must be equal or larger than the number of objects, but got "
                f"{len(colors)} < {count}."
            )
        chosen = colors[:count]
    else:
        chosen = ["white" if colors is None else colors] * count
    rgb = pillow("ImageColor").getrgb
    return [rgb(c) if isinstance(c, str) else tuple(c) for c in chosen]


def _draw(
    picture: Any,
    boxes: Tensor,
    labels: list[str | None] | None,
    colours: Sequence[tuple[int, ...]],
    fill: bool,
    width: int,
    font: str | None,
    font_size: int | None,
) -> None:
    pen = pillow("ImageDraw").Draw(picture, "RGBA" if fill else None)
    fonts = pillow("ImageFont")
    letters = None if font is None else fonts.truetype(font, font_size or 10)
    rows = boxes.to(mg.int64).tolist()
    for box, colour, label in zip(rows, colours, labels or [None] * len(rows), strict=True):
        pen.rectangle(box, width=width, outline=colour, fill=(*colour, 100) if fill else None)
        if label is not None:
            place = (box[0] + width + 1, box[1] + width + 1)
            pen.text(place, label, fill=colour, font=letters)


def draw_segmentation_masks(
    image: Tensor, masks: Tensor, alpha: float = 0.8, colors: Any = None
) -> Tensor:
    """An image (3, H, W) with masks laid over it in colours.   y = (1 - alpha) x + alpha colour

    Args:
        image: uint8, or float in 0..1.
        masks: bool (N, H, W) or (H, W).
        alpha: 0 shows the image alone, 1 the colours alone.
        colors: one colour, or one for each mask; white by default.

    Raises: TypeError and ValueError for what is no such image, or masks that do not fit.

    >>> import minigrad as torch
    >>> from minigrad.vision.utils import draw_segmentation_masks
    >>> black = torch.zeros(3, 1, 2, dtype=torch.uint8)
    >>> draw_segmentation_masks(black, torch.tensor([[True, False]]), 0.5, "red")[0]
    tensor([[127,   0]], dtype=torch.uint8)
    """
    _check_picture(image)
    if image.shape[0] != 3:
        raise ValueError("Pass an RGB image. Other Image formats are not supported")
    masks = masks[None] if masks.ndim == 2 else masks
    if masks.ndim != 3 or masks.dtype != mg.bool or masks.shape[-2:] != image.shape[-2:]:
        raise ValueError(
            f"expected boolean masks (N, {image.shape[1]}, {image.shape[2]}), got "
            f"{masks.dtype} {tuple(masks.shape)}"
        )
    painted = image.clone()
    white = 255 if image.dtype == mg.uint8 else 1
    for mask, colour in zip(masks, _colours(colors, len(masks)), strict=True):
        shade = mg.tensor(colour, dtype=mg.float32) * (white / 255)
        painted = mg.where(mask, shade.to(image.dtype).view(3, 1, 1), painted)
    return (image * (1 - alpha) + painted * alpha).to(image.dtype)
