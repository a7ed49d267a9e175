"""Means and maxima over a grid of a given size, whatever the size of the input."""

from __future__ import annotations

from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]

Grid = int | tuple[int | None, ...] | None


class _AdaptiveAvgPoolNd(Layer):
    """What the adaptive average pools share."""

    shown = "output_size={0.output_size}"

    def __init__(self, output_size: Grid) -> None:
        super().__init__(output_size=output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The means of a series cut into a given number of pieces.

    Shape: (N, C, L) -> (N, C, output_size).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveAvgPool1d(2)(torch.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[2., 1.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """One mean per piece."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The means of an image cut into a grid of a given size.

    ``None`` in place of a size keeps the input's.

    Shape: (N, C, H, W) -> (N, C, output_size[0], output_size[1]).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveAvgPool2d((1, 1))(torch.arange(4.0).reshape(1, 1, 2, 2))
    tensor([[[[1.5000]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """One mean per cell."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The means of a volume cut into a grid of a given size; ``None`` keeps a size.

    Shape: (N, C, D, H, W) -> (N, C, *output_size).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveAvgPool3d(1)(torch.arange(8.0).reshape(1, 1, 2, 2, 2)).item()
    3.5
    """

    def forward(self, input: Tensor) -> Tensor:
        """One mean per cell."""
        return F.adaptive_avg_pool3d(input, self.output_size)


class _AdaptiveMaxPoolNd(Layer):
    """What the adaptive max pools share."""

    shown = "output_size={0.output_size}"

    def __init__(self, output_size: Grid, return_indices: bool = False) -> None:
        super().__init__(output_size=output_size, return_indices=return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The maxima of a series cut into a given number of pieces.

    Shape: (N, C, L) -> (N, C, output_size).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveMaxPool1d(2)(torch.tensor([[1.0, 3.0, 2.0, 0.0]]))
    tensor([[3., 2.]])
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and where they were if ``return_indices``."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The maxima of an image cut into a grid of a given size; ``None`` keeps a size.

    Shape: (N, C, H, W) -> (N, C, output_size[0], output_size[1]).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveMaxPool2d(1)(torch.arange(4.0).reshape(1, 1, 2, 2))
    tensor([[[[3.]]]])
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and where they were if ``return_indices``."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The maxima of a volume cut into a grid of a given size; ``None`` keeps a size.

    Shape: (N, C, D, H, W) -> (N, C, *output_size).

    >>> import minigrad as torch
    >>> torch.nn.AdaptiveMaxPool3d(1)(torch.arange(8.0).reshape(1, 1, 2, 2, 2)).item()
    7.0
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and where they were if ``return_indices``."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
