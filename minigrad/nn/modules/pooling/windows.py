"""The largest value, or a power mean, of each window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.nn.modules.utils import Size
from minigrad.tensor import Tensor

__all__ = ["LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d"]


class _MaxPoolNd(Layer):
    """What the max pools share."""

    _pool: ClassVar[Callable[..., Any]]
    shown = (
        "kernel_size={0.kernel_size}, stride={0.stride}, padding={0.padding}, "
        "dilation={0.dilation}, ceil_mode={0.ceil_mode}"
    )

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            stride=kernel_size if stride is None else stride,
            padding=padding,
            dilation=dilation,
            return_indices=return_indices,
            ceil_mode=ceil_mode,
        )

    def forward(self, input: Tensor) -> Any:
        """The maxima, and where they were if ``return_indices``."""
        return self._pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxPool1d(_MaxPoolNd):
    """The largest value in each window of a series; the border counts as minus infinity.

    Shape: (N, C, L) -> (N, C, L') with L' = (L + 2 padding - dilation (k - 1) - 1) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.MaxPool1d(2)(torch.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[3., 2.]])
    """

    _pool = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """The largest value in each window of an image; the border counts as minus infinity.

    The stride is the window's size unless given. The first of equal maxima gets the gradient.

    Shape: (N, C, H, W) -> (N, C, H', W') with
    H' = (H + 2 padding - dilation (k - 1) - 1) // stride + 1, rounded up with ``ceil_mode``.

    >>> import minigrad as torch
    >>> torch.nn.MaxPool2d(2)(torch.arange(16.0).reshape(1, 1, 4, 4))
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """

    _pool = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """The largest value in each window of a volume; the border counts as minus infinity.

    Shape: (N, C, D, H, W) -> (N, C, D', H', W'), sizes as for ``MaxPool2d``.

    >>> import minigrad as torch
    >>> torch.nn.MaxPool3d(2)(torch.arange(8.0).reshape(1, 1, 2, 2, 2)).item()
    7.0
    """

    _pool = staticmethod(F.max_pool3d)


class _LPPoolNd(Layer):
    """What the power pools share."""

    _pool: ClassVar[Callable[..., Any]]
    shown = (
        "norm_type={0.norm_type}, kernel_size={0.kernel_size}, stride={0.stride}, "
        "ceil_mode={0.ceil_mode}"
    )

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(
            norm_type=norm_type, kernel_size=kernel_size, stride=stride, ceil_mode=ceil_mode
        )

    def forward(self, input: Tensor) -> Any:
        """The p-th root of the sum of p-th powers, for each window."""
        return self._pool(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool1d(_LPPoolNd):
    """y = (sum over the window of x^p)^(1/p) for each window of a series.

    Shape: (N, C, L) -> (N, C, L') with L' = (L - k) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.LPPool1d(2, 2)(torch.tensor([[3.0, 4.0, 0.0, 1.0]]))
    tensor([[5., 1.]])
    """

    _pool = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """y = (sum over the window of x^p)^(1/p) for each window of an image.

    Shape: (N, C, H, W) -> (N, C, H', W') with H' = (H - k) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.LPPool2d(1, 2)(torch.ones(1, 1, 2, 2)).item()
    4.0
    """

    _pool = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPoolNd):
    """y = (sum over the window of x^p)^(1/p) for each window of a volume.

    Shape: (N, C, D, H, W) -> (N, C, D', H', W') with D' = (D - k) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.LPPool3d(1, 2)(torch.ones(1, 1, 2, 2, 2)).item()
    8.0
    """

    _pool = staticmethod(F.lp_pool3d)
