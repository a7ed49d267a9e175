"""Transforms from image to tensor and back, and of the values in a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.vision.transforms import functional as F

__all__ = [
    "ConvertImageDtype",
    "LinearTransformation",
    "Normalize",
    "PILToTensor",
    "ToPILImage",
    "ToTensor",
]


class ToTensor:
    """A PIL image or an array (H, W, C) of bytes as a float tensor (C, H, W) in 0..1.

    Other types of elements keep their values. See ``functional.to_tensor``.

    >>> import numpy as np
    >>> from minigrad.vision import transforms
    >>> transforms.ToTensor()(np.full((1, 2), 255, np.uint8))
    tensor([[[1., 1.]]])
    """

    def __call__(self, pic: Any) -> Tensor:
        """The tensor."""
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """A PIL image as a tensor (C, H, W) of the same values.

    >>> from PIL import Image
    >>> from minigrad.vision import transforms
    >>> transforms.PILToTensor()(Image.new("L", (2, 1), 7))
    tensor([[[7, 7]]], dtype=torch.uint8)
    """

    def __call__(self, pic: Any) -> Tensor:
        """The tensor."""
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ToPILImage:
    """A tensor (C, H, W) or an array (H, W, C) as a PIL image, of a given mode if it has several.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.ToPILImage()(torch.zeros(3, 4, 5)).size
    (5, 4)
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        """The PIL image."""
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(nn.Module):
    """A tensor in another dtype, its values scaled to the range of that.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.ConvertImageDtype(torch.float)(torch.tensor([51], dtype=torch.uint8))
    tensor([0.2000])
    """

    def __init__(self, dtype: mg.dtype) -> None:
        super().__init__()
        if not isinstance(dtype, mg.dtype):
            raise TypeError("Argument dtype should be of type torch.dtype")
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        """The tensor in the other dtype."""
        return F.convert_image_dtype(image, self.dtype)


class Normalize(nn.Module):
    """Each channel less its mean, over its standard deviation.   y = (x - mean) / std

    Shape: (..., C, H, W) to the same.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> transforms.Normalize((0.5, 0.5), (0.25, 0.5))(torch.ones(2, 1, 1)).flatten()
    tensor([2., 1.])
    """

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        """The normalised tensor."""
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class LinearTransformation(nn.Module):
    """A tensor as a vector, less a mean, times a matrix: whitening, for one.   y = (x - m) W

    Args:
        transformation_matrix: W, (D, D) with D = C H W.
        mean_vector: m, (D,).

    Shape: (..., C, H, W) to the same.

    Raises: ValueError for shapes that do not fit.

    >>> import minigrad as torch
    >>> from minigrad.vision import transforms
    >>> twice = transforms.LinearTransformation(2 * torch.eye(2), torch.ones(2))
    >>> twice(torch.tensor([[[1.0, 3.0]]]))
    tensor([[[0., 4.]]])
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        rows, columns = transformation_matrix.shape
        if rows != columns:
            raise ValueError(
                "transformation_matrix should be square. Got "
                f"{tuple(transformation_matrix.shape)} rectangular matrix."
            )
        if mean_vector.shape[0] != rows:
            raise ValueError(
                f"mean_vector should have the same length {mean_vector.shape[0]} as any one of the "
                f"dimensions of the transformation_matrix [{tuple(transformation_matrix.shape)}]"
            )
        if transformation_matrix.device != mean_vector.device:
            raise ValueError(
                "Input tensors should be on the same device. Got "
                f"{transformation_matrix.device} and {mean_vector.device}"
            )
        if transformation_matrix.dtype != mean_vector.dtype:
            raise ValueError(
                "Input tensors should have the same dtype. Got "
                f"{transformation_matrix.dtype} and {mean_vector.dtype}"
            )
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def forward(self, tensor: Tensor) -> Tensor:
        """The transformed tensor."""
        shape: Sequence[int] = tensor.shape
        length = shape[-3] * shape[-2] * shape[-1]
        if length != self.transformation_matrix.shape[0]:
            raise ValueError(
                "Input tensor and transformation matrix have incompatible shape."
                f"[{shape[-3]} x {shape[-2]} x {shape[-1]}] != "
                f"{self.transformation_matrix.shape[0]}"
            )
        if tensor.device != self.mean_vector.device:
            raise ValueError(
                "Input tensor should be on the same device as transformation matrix and mean "
                f"vector. Got {tensor.device} vs {self.mean_vector.device}"
            )
        flat = tensor.view(-1, length) - self.mean_vector
        weights = self.transformation_matrix.to(flat.dtype)
        return mg.mm(flat, weights).view(shape)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(transformation_matrix={self.transformation_matrix.tolist()}, "
            f"mean_vector={self.mean_vector.tolist()})"
        )
