"""The mean of each window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.nn.modules.naming import init_per_class
from minigrad.nn.modules.utils import Size, repeat
from minigrad.tensor import Tensor

__all__ = ["AvgPool1d", "AvgPool2d", "AvgPool3d"]


@init_per_class
class _AvgPoolNd(Layer):
    """What the average pools share; those over two and three dimensions may set the divisor."""

    _pool: ClassVar[Callable[..., Any]]
    shown = "kernel_size={0.kernel_size}, stride={0.stride}, padding={0.padding}"

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            stride=kernel_size if stride is None else stride,
            padding=padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        )

    def forward(self, input: Tensor) -> Any:
        """The means."""
        return self._pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool1d(Layer):
    """The mean of each window of a series; zeros of the border are counted.

    Shape: (N, C, L) -> (N, C, L') with L' = (L + 2 padding - k) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.AvgPool1d(2)(torch.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[2., 1.]])
    """

    shown = _AvgPoolNd.shown

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(
            kernel_size=repeat(kernel_size, 1),
            stride=repeat(kernel_size if stride is None else stride, 1),
            padding=repeat(padding, 1),
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
        )

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class AvgPool2d(_AvgPoolNd):
    """The mean of each window of an image; zeros of the border are counted.

    ``count_include_pad=False`` leaves them out of the count; ``divisor_override`` replaces it.

    Shape: (N, C, H, W) -> (N, C, H', W') with H' = (H + 2 padding - k) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.AvgPool2d(2)(torch.arange(4.0).reshape(1, 1, 2, 2))
    tensor([[[[1.5000]]]])
    """

    _pool = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolNd):
    """The mean of each window of a volume; zeros of the border are counted.

    Shape: (N, C, D, H, W) -> (N, C, D', H', W'), sizes as for ``AvgPool2d``.

    >>> import minigrad as torch
    >>> torch.nn.AvgPool3d(2)(torch.arange(8.0).reshape(1, 1, 2, 2, 2)).item()
    3.5
    """

    _pool = staticmethod(F.avg_pool3d)
