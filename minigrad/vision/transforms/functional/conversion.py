"""From image to tensor, from tensor to image, from one range of values to another."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor
from minigrad.vision.pillow import is_pil, pillow
from minigrad.vision.transforms.functional.images import max_value

__all__ = ["convert_image_dtype", "normalize", "pil_to_tensor", "to_pil_image", "to_tensor"]

_I16 = "I;16" if sys.byteorder == "little" else "I;16B"
_BYTES = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "YCbCr": 3, "HSV": 3, "RGBA": 4, "CMYK": 4, "RGBX": 4}
_WHITE = np.float32(255)
_NUMBERS = {int, float, np.float32, np.float64}
# Elements of PIL images that are not bytes.
_WIDE = {"I": np.int32, "I;16": np.int16, "I;16B": np.int16, "F": np.float32}


def to_tensor(pic: Any) -> Tensor:
    """A PIL image, or an array (H, W) or (H, W, C), as a tensor (C, H, W); bytes as floats in 0..1.

    What is not of bytes keeps its values and type: PIL's modes I, I;16 and F, arrays of another
    dtype than uint8.

    Raises: TypeError for anything else; ValueError for an array of another number of axes.

    >>> import numpy as np
    >>> from minigrad.vision.transforms import functional as F
    >>> F.to_tensor(np.array([[0, 51], [102, 255]], np.uint8))
    tensor([[[0.0000, 0.2000],
             [0.4000, 1.0000]]])
    """
    if is_pil(pic):
        pixels = _pixels(pic)
    elif isinstance(pic, np.ndarray):
        pixels = pic
        if pixels.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if pixels.dtype != np.uint8:
        return mg.from_numpy(np.array(_channels_first(pixels), order="C"))
    default = mg.get_default_dtype()
    if default != mg.float32:
        return mg.from_numpy(np.array(_channels_first(pixels))).to(default).div(255)
    return mg.from_numpy(_to_unit(pixels))


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _pixels(pic: Any) -> np.ndarray:
    """The elements of a PIL image, (H, W) or (H, W, C)."""
    mode = pic.mode
    if mode in _BYTES:  # half the time that Pillow's own way to an array takes
        elements = np.frombuffer(pic.tobytes(), np.uint8)
        width, height = pic.size
        return elements.reshape(height, width, _BYTES[mode])
    if mode == "1":
        return np.asarray(pic, np.uint8) * np.uint8(255)
    return np.array(pic, _WIDE.get(mode))


def _to_unit(pixels: np.ndarray) -> np.ndarray:
    """Bytes (H, W) or (H, W, C) as float32 (C, H, W) in 0..1."""
    planes = np.ascontiguousarray(_channels_first(pixels))  # quicker to move as bytes
    unit: np.ndarray = np.true_divide(planes, _WHITE, dtype=np.float32)
    return unit


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a tensor (C, H, W) of the same values.

    Raises: TypeError for anything but a PIL image.

    >>> from PIL import Image
    >>> from minigrad.vision.transforms import functional as F
    >>> F.pil_to_tensor(Image.new("L", (2, 1), 7))
    tensor([[[7, 7]]], dtype=torch.uint8)
    """
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    return mg.from_numpy(np.array(_channels_first(np.asarray(pic)), order="C"))


# What an image of so many channels may be, the first being the default.
_MODES = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}
_GREY = {"uint8": "L", "int16": _I16, "int32": "I", "float32": "F"}


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or an array (H, W, C), or either of one channel (H, W), as a PIL image.

    Floats in a tensor are taken to be in 0..1, unless ``mode`` is "F".

    Raises: TypeError for anything else and elements that PIL has no mode for; ValueError for
    another number of axes or channels, or a mode that does not fit.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.to_pil_image(torch.ones(3, 2, 4)).getpixel((0, 0))
    (255, 255, 255)
    """
    if isinstance(pic, Tensor):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        pic = pic.detach().cpu()
        if pic.is_floating_point() and mode != "F":
            pic = pic.mul(255).to(mg.uint8)
        pixels = pic.numpy()
        pixels = pixels if pixels.ndim == 2 else pixels.transpose(1, 2, 0)
    elif isinstance(pic, np.ndarray):
        pixels = pic
        if pixels.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
    channels = pixels.shape[2]
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if channels == 1:
        return _grey_image(np.ascontiguousarray(pixels[:, :, 0]), mode)
    if mode is not None and mode not in _MODES[channels]:
        raise ValueError(f"Only modes {_MODES[channels]} are supported for {channels} channels")
    if pixels.dtype != np.uint8:
        raise TypeError(f"Input type {pixels.dtype} is not supported")
    return _image(pixels, mode or _MODES[channels][0])


def _grey_image(pixels: np.ndarray, mode: str | None) -> Any:
    expected = _GREY.get(pixels.dtype.name)
    if mode is not None and mode != expected:
        raise ValueError(
            f"Incorrect mode ({mode}) supplied for input type {pixels.dtype}. Should be {expected}"
        )
    if expected is None:
        raise TypeError(f"Input type {pixels.dtype} is not supported")
    return _image(pixels, expected)


def _image(pixels: np.ndarray, mode: str) -> Any:
    height, width = pixels.shape[:2]
    return pillow().frombytes(mode, (width, height), pixels.tobytes())


def convert_image_dtype(image: Tensor, dtype: mg.dtype = mg.float32) -> Tensor:
    """An image in another dtype, its values scaled to the range of that: 0..1, 0..255, ...

    Raises: TypeError for anything but a tensor; RuntimeError for float32 to int32 or int64 and
    float64 to int64, whose greatest numbers these cannot hold.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.convert_image_dtype(torch.tensor([[0.0, 0.5, 1.0]]), torch.uint8)
    tensor([[  0, 127, 255]], dtype=torch.uint8)
    """
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    if image.dtype == dtype:
        return image
    if image.is_floating_point():
        if dtype.is_floating_point:
            return image.to(dtype)
        if dtype == mg.int64 or (image.dtype == mg.float32 and dtype == mg.int32):
            raise RuntimeError(
                f"The cast from {image.dtype} to {dtype} cannot be performed safely."
            )
        # A little less than one step above the greatest: each step gets the same share of 0..1.
        return image.mul(float(max_value(dtype)) + 1.0 - 1e-3).to(dtype)
    have, want = max_value(image.dtype), max_value(dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / have
    if have > want:
        return mg.div(image, (have + 1) // (want + 1), rounding_mode="floor").to(dtype)
    return image.to(dtype) * ((want + 1) // (have + 1))


def normalize(
    tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False
) -> Tensor:
    """Each channel less its mean, over its standard deviation.   y = (x - mean) / std

    Shape: (..., C, H, W) to the same.

    Raises: TypeError for anything but a tensor of floats; ValueError for fewer than three axes, or
    a standard deviation of zero.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import functional as F
    >>> F.normalize(torch.ones(1, 1, 2), [0.5], [0.25])
    tensor([[[2., 2.]]])
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError(
            "Expected tensor to be a tensor image of size (..., C, H, W). "
            f"Got tensor.size() = {tensor.size()}"
        )
    plain = _plain_normalize(tensor, mean, std, inplace)
    if plain is not None:
        return plain
    dtype = tensor.dtype
    centre = mg.as_tensor(mean, dtype=dtype, device=tensor.device)
    scale = mg.as_tensor(std, dtype=dtype, device=tensor.device)
    if (scale == 0).any():
        raise _zero(dtype)
    centre = centre.view(-1, 1, 1) if centre.ndim == 1 else centre
    scale = scale.view(-1, 1, 1) if scale.ndim == 1 else scale
    if inplace:
        return tensor.sub_(centre).div_(scale)
    return tensor.sub(centre).div(scale)


def _zero(dtype: mg.dtype) -> ValueError:
    return ValueError(
        f"std evaluated to zero after conversion to {dtype}, leading to division by zero."
    )


def _plain_normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool) -> Tensor | None:
    """The same on the array, where no derivative is asked for: what every image goes through."""
    dtype = tensor.dtype
    if inplace or tensor.requires_grad or tensor.is_cuda or dtype not in (mg.float32, mg.float64):
        return None
    if not (isinstance(mean, list | tuple) and isinstance(std, list | tuple)):
        return None
    if not {*map(type, mean), *map(type, std)} <= _NUMBERS:
        return None
    centre, scale = _columns(tuple(mean), tuple(std), dtype)
    values = np.subtract(tensor.numpy(), centre)
    values /= scale
    return mg.from_numpy(values)


@functools.lru_cache(maxsize=64)
def _columns(mean: Any, std: Any, dtype: mg.dtype) -> tuple[np.ndarray, np.ndarray]:
    kind = np.float32 if dtype == mg.float32 else np.float64
    centre, scale = (np.array(x, kind)[:, None, None] for x in (mean, std))
    if not scale.all():
        raise _zero(dtype)
    return centre, scale
