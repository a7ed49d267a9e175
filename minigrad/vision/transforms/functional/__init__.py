"""Functions of images, PIL or tensors (..., C, H, W): what the transforms do, without chance."""

from __future__ import annotations

from minigrad.vision.transforms.functional.colors import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    rgb_to_grayscale,
    to_grayscale,
)
from minigrad.vision.transforms.functional.conversion import (
    convert_image_dtype,
    normalize,
    pil_to_tensor,
    to_pil_image,
    to_tensor,
)
from minigrad.vision.transforms.functional.filters import adjust_sharpness, erase, gaussian_blur
from minigrad.vision.transforms.functional.images import (
    get_dimensions,
    get_image_num_channels,
    get_image_size,
)
from minigrad.vision.transforms.functional.modes import InterpolationMode
from minigrad.vision.transforms.functional.sizes import (
    center_crop,
    crop,
    five_crop,
    hflip,
    pad,
    resize,
    resized_crop,
    ten_crop,
    vflip,
)
from minigrad.vision.transforms.functional.tones import (
    autocontrast,
    equalize,
    invert,
    posterize,
    solarize,
)
from minigrad.vision.transforms.functional.warps import affine, perspective, rotate

__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "affine",
    "autocontrast",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "equalize",
    "erase",
    "five_crop",
    "gaussian_blur",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "invert",
    "normalize",
    "pad",
    "perspective",
    "pil_to_tensor",
    "posterize",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "solarize",
    "ten_crop",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]
