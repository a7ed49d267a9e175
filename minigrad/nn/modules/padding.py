"""Layers that put a border around series, images and volumes.

A border is one width for all sides, or the widths before and after each axis, the last axis first.
"""

from __future__ import annotations

from typing import ClassVar

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.nn.modules.naming import init_per_class
from minigrad.nn.modules.utils import Size, repeat
from minigrad.tensor import Tensor

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


@init_per_class
class _PadNd(Layer):
    """A border that is made of the input itself."""

    dims: ClassVar[int]
    mode: ClassVar[str]
    shown = "{0.padding}"

    def __init__(self, padding: Size) -> None:
        super().__init__(padding=repeat(padding, 2 * self.dims))

    def forward(self, input: Tensor) -> Tensor:
        """The input with its border."""
        return F.pad(input, self.padding, self.mode)


@init_per_class
class _CircularPadNd(_PadNd):
    """A border that goes on with the other end."""

    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """The input with its border."""
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise ValueError(
                f"expected {self.dims + 1}D or {self.dims + 2}D input (got {input.ndim}D input)"
            )
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """A border that goes on with the series from its other end.

    Shape: (N, C, L) or (C, L) -> L + the widths. Raises: ValueError for other numbers of
    dimensions, RuntimeError for a border that is wider than the series is long.

    >>> import minigrad as torch
    >>> torch.nn.CircularPad1d((1, 2))(torch.tensor([[1, 2, 3]]))
    tensor([[3, 1, 2, 3, 1, 2]])
    """

    dims = 1


class CircularPad2d(_CircularPadNd):
    """A border that goes on with the image from its other sides. Shape: (N, C, H, W) or (C, H, W).

    >>> import minigrad as torch
    >>> torch.nn.CircularPad2d((1, 0, 0, 1))(torch.tensor([[[1, 2]]]))
    tensor([[[2, 1, 2],
             [2, 1, 2]]])
    """

    dims = 2


class CircularPad3d(_CircularPadNd):
    """A border that goes on with the volume from its other sides. Shape: (N, C, D, H, W), or no N.

    >>> import minigrad as torch
    >>> torch.nn.CircularPad3d((1, 0, 0, 0, 0, 0))(torch.tensor([[[[1, 2]]]]))
    tensor([[[[2, 1, 2]]]])
    """

    dims = 3


class ReflectionPad1d(_PadNd):
    """A border that mirrors the series at its ends, without repeating them.

    Shape: (N, C, L) or (C, L) -> L + the widths. Raises: RuntimeError for a border that is not
    narrower than the series is long.

    >>> import minigrad as torch
    >>> torch.nn.ReflectionPad1d(2)(torch.tensor([[1, 2, 3]]))
    tensor([[3, 2, 1, 2, 3, 2, 1]])
    """

    dims, mode = 1, "reflect"


class ReflectionPad2d(_PadNd):
    """A border that mirrors the image at its sides. Shape: (N, C, H, W) or (C, H, W).

    >>> import minigrad as torch
    >>> torch.nn.ReflectionPad2d((1, 0, 0, 0))(torch.tensor([[[1, 2]]]))
    tensor([[[2, 1, 2]]])
    """

    dims, mode = 2, "reflect"


class ReflectionPad3d(_PadNd):
    """A border that mirrors the volume at its sides. Shape: (N, C, D, H, W) or (C, D, H, W).

    >>> import minigrad as torch
    >>> torch.nn.ReflectionPad3d((1, 0, 0, 0, 0, 0))(torch.tensor([[[[1, 2]]]]))
    tensor([[[[2, 1, 2]]]])
    """

    dims, mode = 3, "reflect"


class ReplicationPad1d(_PadNd):
    """A border that repeats the ends of the series. Shape: (N, C, L) or (C, L) -> L + the widths.

    >>> import minigrad as torch
    >>> torch.nn.ReplicationPad1d((2, 1))(torch.tensor([[1.0, 2.0]]))
    tensor([[1., 1., 1., 2., 2.]])
    """

    dims, mode = 1, "replicate"


class ReplicationPad2d(_PadNd):
    """A border that repeats the sides of the image. Shape: (N, C, H, W) or (C, H, W).

    >>> import minigrad as torch
    >>> torch.nn.ReplicationPad2d((1, 0, 0, 1))(torch.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2.],
             [1., 1., 2.]]])
    """

    dims, mode = 2, "replicate"


class ReplicationPad3d(_PadNd):
    """A border that repeats the sides of the volume. Shape: (N, C, D, H, W) or (C, D, H, W).

    >>> import minigrad as torch
    >>> torch.nn.ReplicationPad3d((1, 0, 0, 0, 0, 0))(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2.]]]])
    """

    dims, mode = 3, "replicate"


@init_per_class
class _ConstantPadNd(Layer):
    """A border of one value."""

    dims: ClassVar[int]
    shown = "padding={0.padding}, value={0.value}"

    def __init__(self, padding: Size, value: float) -> None:
        super().__init__(value=value, padding=repeat(padding, 2 * self.dims))

    def forward(self, input: Tensor) -> Tensor:
        """The input with its border."""
        return F.pad(input, self.padding, "constant", self.value)


class ConstantPad1d(_ConstantPadNd):
    """A border of one value around series; negative widths cut off. Shape: (*, L).

    >>> import minigrad as torch
    >>> torch.nn.ConstantPad1d((1, -1), 9)(torch.tensor([1, 2]))
    tensor([9, 1])
    """

    dims = 1


class ConstantPad2d(_ConstantPadNd):
    """A border of one value around images; negative widths cut off. Shape: (*, H, W).

    >>> import minigrad as torch
    >>> torch.nn.ConstantPad2d((1, 0, 0, 1), 9)(torch.tensor([[1, 2]]))
    tensor([[9, 1, 2],
            [9, 9, 9]])
    """

    dims = 2


class ConstantPad3d(_ConstantPadNd):
    """A border of one value around volumes; negative widths cut off. Shape: (*, D, H, W).

    >>> import minigrad as torch
    >>> torch.nn.ConstantPad3d((1, 0, 0, 0, 0, 0), 9)(torch.tensor([[[1, 2]]]))
    tensor([[[9, 1, 2]]])
    """

    dims = 3


class ZeroPad1d(ConstantPad1d):
    """A border of zeros around series. Shape: (*, L).

    >>> import minigrad as torch
    >>> torch.nn.ZeroPad1d((1, 0))(torch.tensor([1, 2]))
    tensor([0, 1, 2])
    """

    shown = "{0.padding}"

    def __init__(self, padding: Size) -> None:
        super().__init__(padding, 0.0)


class ZeroPad2d(ConstantPad2d):
    """A border of zeros around images. Shape: (*, H, W).

    >>> import minigrad as torch
    >>> torch.nn.ZeroPad2d((1, 0, 0, 1))(torch.tensor([[1, 2]]))
    tensor([[0, 1, 2],
            [0, 0, 0]])
    """

    shown = "{0.padding}"

    def __init__(self, padding: Size) -> None:
        super().__init__(padding, 0.0)


class ZeroPad3d(ConstantPad3d):
    """A border of zeros around volumes. Shape: (*, D, H, W).

    >>> import minigrad as torch
    >>> torch.nn.ZeroPad3d((1, 0, 0, 0, 0, 0))(torch.tensor([[[1, 2]]]))
    tensor([[[0, 1, 2]]])
    """

    shown = "{0.padding}"

    def __init__(self, padding: Size) -> None:
        super().__init__(padding, 0.0)
