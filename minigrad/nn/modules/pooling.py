"""Layers that summarise a window by its maximum or its mean."""

from __future__ import annotations

from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.modules.conv import Size, repeat
from minigrad.nn.modules.module import Module
from minigrad.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]


class _MaxPoolNd(Module):
    """What the max pools share."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

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

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        """The pooling over as many dimensions as the class has."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The window."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The largest value in each window of a series; the border counts as minus infinity.

    Shape: (N, C, L) -> (N, C, L') with L' = (L + 2 padding - dilation (k - 1) - 1) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.MaxPool1d(2)(torch.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[3., 2.]])
    """

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        return F.max_pool1d(*arguments, **options)


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

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        return F.max_pool2d(*arguments, **options)


class MaxPool3d(_MaxPoolNd):
    """The largest value in each window of a volume; the border counts as minus infinity.

    Shape: (N, C, D, H, W) -> (N, C, D', H', W'), sizes as for ``MaxPool2d``.

    >>> import minigrad as torch
    >>> torch.nn.MaxPool3d(2)(torch.arange(8.0).reshape(1, 1, 2, 2, 2)).item()
    7.0
    """

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        return F.max_pool3d(*arguments, **options)


class AvgPool1d(Module):
    """The mean of each window of a series; zeros of the border are counted.

    Shape: (N, C, L) -> (N, C, L') with L' = (L + 2 padding - k) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.AvgPool1d(2)(torch.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[2., 1.]])
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = repeat(kernel_size, 1)
        self.stride = repeat(kernel_size if stride is None else stride, 1)
        self.padding = repeat(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

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

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    """What the average pools over more than one dimension share."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

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

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        """The pooling over as many dimensions as the class has."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """The mean of each window of an image; zeros of the border are counted.

    ``count_include_pad=False`` leaves them out of the count; ``divisor_override`` replaces it.

    Shape: (N, C, H, W) -> (N, C, H', W') with H' = (H + 2 padding - k) // stride + 1.

    >>> import minigrad as torch
    >>> torch.nn.AvgPool2d(2)(torch.arange(4.0).reshape(1, 1, 2, 2))
    tensor([[[[1.5000]]]])
    """

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        return F.avg_pool2d(*arguments, **options)


class AvgPool3d(_AvgPoolNd):
    """The mean of each window of a volume; zeros of the border are counted.

    Shape: (N, C, D, H, W) -> (N, C, D', H', W'), sizes as for ``AvgPool2d``.

    >>> import minigrad as torch
    >>> torch.nn.AvgPool3d(2)(torch.arange(8.0).reshape(1, 1, 2, 2, 2)).item()
    3.5
    """

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        return F.avg_pool3d(*arguments, **options)


class _AdaptivePoolNd(Module):
    """What the pools with an output size share."""

    def __init__(self, output_size: int | tuple[int | None, ...] | None) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        """One value per cell of the grid."""
        return self._pool(input, self.output_size)

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        """The pooling over as many dimensions as the class has."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The grid."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePoolNd):
    """The means of a series cut into a given number of pieces.

    Shape: (N, C, L) -> (N, C, output_size).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveAvgPool1d(2)(torch.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[2., 1.]])
    """

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        return F.adaptive_avg_pool1d(*arguments, **options)


class AdaptiveAvgPool2d(_AdaptivePoolNd):
    """The means of an image cut into a grid of a given size.

    ``None`` in place of a size keeps the input's.

    Shape: (N, C, H, W) -> (N, C, output_size[0], output_size[1]).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveAvgPool2d((1, 1))(torch.arange(4.0).reshape(1, 1, 2, 2))
    tensor([[[[1.5000]]]])
    """

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        return F.adaptive_avg_pool2d(*arguments, **options)


class AdaptiveMaxPool2d(_AdaptivePoolNd):
    """The maxima of an image cut into a grid of a given size.

    Shape: (N, C, H, W) -> (N, C, output_size[0], output_size[1]).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveMaxPool2d(1)(torch.arange(4.0).reshape(1, 1, 2, 2))
    tensor([[[[3.]]]])
    """

    def _pool(self, *arguments: Any, **options: Any) -> Any:
        return F.adaptive_max_pool2d(*arguments, **options)

    def __init__(
        self, output_size: int | tuple[int | None, ...] | None, return_indices: bool = False
    ) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """The maxima, and where they were if ``return_indices``."""
        return self._pool(input, self.output_size, self.return_indices)
