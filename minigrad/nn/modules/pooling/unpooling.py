"""Maxima put back where a max pool found them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.nn.modules.naming import init_per_class
from minigrad.nn.modules.utils import Size, repeat
from minigrad.tensor import Tensor

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]


@init_per_class
class _MaxUnpoolNd(Layer):
    """What the inverses of the max pools share."""

    _unpool: ClassVar[Callable[..., Any]]
    dims: ClassVar[int]
    shown = "kernel_size={0.kernel_size}, stride={0.stride}, padding={0.padding}"

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__(
            kernel_size=repeat(kernel_size, self.dims),
            stride=repeat(kernel_size if stride is None else stride, self.dims),
            padding=repeat(padding, self.dims),
        )

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Any:
        """The values at their places, and zeros elsewhere."""
        return self._unpool(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool1d(_MaxUnpoolNd):
    """The inverse of ``MaxPool1d`` as far as there is one: maxima at their places, else zero.

    Shape: (N, C, L) -> (N, C, L') with L' = (L - 1) stride - 2 padding + k, or as ``output_size``
    says.

    >>> import minigrad as torch
    >>> pool = torch.nn.MaxPool1d(2, return_indices=True)
    >>> torch.nn.MaxUnpool1d(2)(*pool(torch.tensor([[1.0, 3.0, 2.0, 0.0]])))
    tensor([[0., 3., 2., 0.]])
    """

    dims = 1

    _unpool = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """The inverse of ``MaxPool2d`` as far as there is one: maxima at their places, else zero.

    Shape: (N, C, H, W) -> (N, C, H', W'), sizes as for ``MaxUnpool1d``.

    >>> import minigrad as torch
    >>> pool = torch.nn.MaxPool2d(2, return_indices=True)
    >>> torch.nn.MaxUnpool2d(2)(*pool(torch.arange(4.0).reshape(1, 2, 2)))
    tensor([[[0., 0.],
             [0., 3.]]])
    """

    dims = 2

    _unpool = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """The inverse of ``MaxPool3d`` as far as there is one: maxima at their places, else zero.

    Shape: (N, C, D, H, W) -> (N, C, D', H', W'), sizes as for ``MaxUnpool1d``.

    >>> import minigrad as torch
    >>> pool = torch.nn.MaxPool3d(2, return_indices=True)
    >>> torch.nn.MaxUnpool3d(2)(*pool(torch.arange(8.0).reshape(1, 2, 2, 2))).sum()
    tensor(7.)
    """

    dims = 3

    _unpool = staticmethod(F.max_unpool3d)
