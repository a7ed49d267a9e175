"""torchvision's second set of names: the same transforms of images, and two more.

Only images are transformed: boxes, masks and videos, which v2 also takes there, are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.vision import transforms as _v1
from minigrad.vision.transforms import *  # noqa: F403
from minigrad.vision.transforms import functional
from minigrad.vision.transforms.conversion import PILToTensor

__all__ = [*_v1.__all__, "ToDtype", "ToImage", "functional"]


class ToImage(nn.Module):
    """A PIL image or an array (H, W, C) as a tensor (C, H, W) of the same values.

    Raises: TypeError for anything but these and tensors, which stay.

    >>> import numpy as np
    >>> from minigrad.vision.transforms import v2
    >>> v2.ToImage()(np.zeros((4, 5, 3), np.uint8)).shape
    torch.Size([3, 4, 5])
    """

    def forward(self, inpt: Any) -> Tensor:
        """The tensor."""
        if isinstance(inpt, Tensor):
            return inpt
        if isinstance(inpt, np.ndarray):
            pixels = np.atleast_3d(inpt).transpose(2, 0, 1)
            return mg.from_numpy(np.array(pixels, order="C"))
        return PILToTensor()(inpt)


class ToDtype(nn.Module):
    """A tensor in another dtype; with ``scale``, its values scaled to the range of that.

    >>> import minigrad as torch
    >>> from minigrad.vision.transforms import v2
    >>> v2.ToDtype(torch.float32, scale=True)(torch.tensor([51], dtype=torch.uint8))
    tensor([0.2000])
    """

    def __init__(self, dtype: mg.dtype, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, mg.dtype):
            raise ValueError(f"dtype must be a torch.dtype, got {type(dtype)} instead")
        self.dtype = dtype
        self.scale = scale

    def forward(self, inpt: Tensor) -> Tensor:
        """The tensor in the other dtype."""
        if self.scale:
            return functional.convert_image_dtype(inpt, self.dtype)
        return inpt.to(self.dtype)

    def extra_repr(self) -> str:
        """Its arguments."""
        return f"scale={self.scale}"
