"""Image files read and written as uint8 tensors (C, H, W), by Pillow."""

from __future__ import annotations

import io
import os
from enum import Enum
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor
from minigrad.vision.pillow import pillow
from minigrad.vision.transforms.functional.conversion import pil_to_tensor

__all__ = [
    "ImageReadMode",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "encode_jpeg",
    "encode_png",
    "read_file",
    "read_image",
    "write_file",
    "write_jpeg",
    "write_png",
]


class ImageReadMode(Enum):
    """Which channels an image is read with; UNCHANGED: those that it has.

    >>> from minigrad.vision.io import ImageReadMode
    >>> ImageReadMode.RGB.value
    3
    """

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4


_MODES = {
    ImageReadMode.GRAY: "L",
    ImageReadMode.GRAY_ALPHA: "LA",
    ImageReadMode.RGB: "RGB",
    ImageReadMode.RGB_ALPHA: "RGBA",
}


def read_file(path: str | os.PathLike[str]) -> Tensor:
    """The bytes of a file as a uint8 tensor (N,).

    >>> import tempfile
    >>> from minigrad.vision import io
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     io.write_file(file.name, io.read_file(__file__)[:0])
    ...     io.read_file(file.name).shape
    torch.Size([0])
    """
    with open(path, "rb") as file:
        return mg.from_numpy(np.frombuffer(bytearray(file.read()), np.uint8))


def write_file(filename: str | os.PathLike[str], data: Tensor) -> None:
    """Write a uint8 tensor (N,) as the bytes of a file.

    >>> import tempfile
    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     io.write_file(file.name, torch.tensor([72, 105], dtype=torch.uint8))
    ...     file.read()
    b'Hi'
    """
    if data.dtype != mg.uint8 or data.ndim != 1:
        raise RuntimeError(
            f"write_file: expected a uint8 tensor (N,), got {data.dtype} {tuple(data.shape)}"
        )
    with open(filename, "wb") as file:
        file.write(data.cpu().numpy().tobytes())


def decode_image(
    input: Any,
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """An image as a uint8 tensor (C, H, W), from a tensor of a file's bytes or from a path.

    Args:
        input: uint8 tensor (N,), or path.
        mode: which channels; a name of ``ImageReadMode`` will do, in capitals or not.
        apply_exif_orientation: turn it as the camera noted.

    Raises: RuntimeError for bytes that are no whole image.

    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> picture = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    >>> io.decode_image(io.encode_png(picture))
    tensor([[[  0, 255]]], dtype=torch.uint8)
    """
    name = "the image" if isinstance(input, Tensor) else os.fspath(input)
    data = input if isinstance(input, Tensor) else read_file(input)
    if data.dtype != mg.uint8 or data.ndim != 1:
        raise RuntimeError(
            "Expected a non empty 1-dimensional tensor of bytes, got "
            f"{data.dtype} {tuple(data.shape)}"
        )
    wanted = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    try:
        picture = pillow().open(io.BytesIO(data.cpu().numpy().tobytes()))
        picture.load()
    except (OSError, SyntaxError) as error:
        raise RuntimeError(f"{name} is no whole image: {error}") from error
    if apply_exif_orientation:
        picture = pillow("ImageOps").exif_transpose(picture)
    if wanted is not ImageReadMode.UNCHANGED:
        picture = picture.convert(_MODES[wanted])
    elif picture.mode in ("1", "P"):  # bits and palettes stand for colours
        grey = picture.mode == "1"
        picture = picture.convert(
            "L" if grey else "RGBA" if picture.info.get("transparency") else "RGB"
        )
    return pil_to_tensor(picture)


def decode_png(
    input: Tensor,
    mode: ImageReadMode = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """A PNG as a uint8 tensor (C, H, W), from a tensor of its bytes.

    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> io.decode_png(io.encode_png(torch.zeros(3, 2, 4, dtype=torch.uint8))).shape
    torch.Size([3, 2, 4])
    """
    return decode_image(input, mode, apply_exif_orientation)


def decode_jpeg(
    input: Tensor,
    mode: ImageReadMode = ImageReadMode.UNCHANGED,
    device: Any = "cpu",
    apply_exif_orientation: bool = False,
) -> Tensor:
    """A JPEG as a uint8 tensor (C, H, W), from a tensor of its bytes.

    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> io.decode_jpeg(io.encode_jpeg(torch.zeros(3, 2, 4, dtype=torch.uint8))).shape
    torch.Size([3, 2, 4])
    """
    return decode_image(input, mode, apply_exif_orientation).to(device)


def read_image(
    path: str | os.PathLike[str],
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """The image in a file as a uint8 tensor (C, H, W); see ``decode_image``.

    >>> import tempfile
    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
    ...     io.write_png(torch.ones(1, 2, 3, dtype=torch.uint8), file.name)
    ...     io.read_image(file.name, io.ImageReadMode.RGB).shape
    torch.Size([3, 2, 3])
    """
    return decode_image(path, mode, apply_exif_orientation)


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """A uint8 tensor (1 or 3, H, W) as the bytes of a PNG.

    Args:
        input: the image.
        compression_level: 0 (fast) to 9 (small).

    Raises: RuntimeError for a tensor that is no such image, or another level.

    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> io.encode_png(torch.zeros(1, 2, 2, dtype=torch.uint8))[1:4].tolist() == list(b"PNG")
    True
    """
    if not 0 <= compression_level <= 9:
        raise RuntimeError("Compression level should be between 0 and 9")
    return _encode(input, "PNG", compress_level=compression_level)


def encode_jpeg(input: Tensor, quality: int = 75) -> Tensor:
    """A uint8 tensor (1 or 3, H, W) as the bytes of a JPEG.

    Args:
        input: the image.
        quality: 1 (small) to 100 (good).

    Raises: ValueError for another quality; RuntimeError for a tensor that is no such image.

    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> io.encode_jpeg(torch.zeros(1, 2, 2, dtype=torch.uint8))[:2].tolist()
    [255, 216]
    """
    if not 1 <= quality <= 100:
        raise ValueError("Image quality should be a positive number between 1 and 100")
    return _encode(input, "JPEG", quality=quality)


def _encode(image: Tensor, kind: str, **options: int) -> Tensor:
    if image.dtype != mg.uint8:
        raise RuntimeError(f"Input tensor dtype should be uint8, got {image.dtype}")
    if image.ndim != 3:
        raise RuntimeError(f"Input data should be a 3-dimensional tensor, got {image.ndim} axes")
    if image.shape[0] not in (1, 3):
        raise RuntimeError(f"The number of channels should be 1 or 3, got: {image.shape[0]}")
    pixels = image.cpu().numpy()
    pixels = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    content = io.BytesIO()
    pillow().fromarray(np.ascontiguousarray(pixels)).save(content, kind, **options)
    return mg.from_numpy(np.frombuffer(bytearray(content.getvalue()), np.uint8))


def write_png(input: Tensor, filename: str | os.PathLike[str], compression_level: int = 6) -> None:
    """Write a uint8 tensor (1 or 3, H, W) as a PNG file.

    >>> import tempfile
    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
    ...     io.write_png(torch.ones(1, 1, 2, dtype=torch.uint8), file.name)
    ...     io.read_image(file.name)
    tensor([[[1, 1]]], dtype=torch.uint8)
    """
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: str | os.PathLike[str], quality: int = 75) -> None:
    """Write a uint8 tensor (1 or 3, H, W) as a JPEG file.

    >>> import tempfile
    >>> import minigrad as torch
    >>> from minigrad.vision import io
    >>> with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
    ...     io.write_jpeg(torch.zeros(3, 8, 8, dtype=torch.uint8), file.name)
    ...     io.read_image(file.name).shape
    torch.Size([3, 8, 8])
    """
    write_file(filename, encode_jpeg(input, quality))
