"""Maxima of windows whose places are drawn, for output sizes that divide no input size.

Source: Graham, Fractional max-pooling, 2014.
"""

from __future__ import annotations

from typing import Any, ClassVar

from minigrad.nn import functional as F
from minigrad.nn.modules.module import Module
from minigrad.nn.modules.naming import init_per_class
from minigrad.nn.modules.utils import Size, repeat
from minigrad.tensor import Tensor

__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d"]

Ratio = float | tuple[float, ...]


@init_per_class
class _FractionalMaxPoolNd(Module):
    """What both share: a window, and either an output size or its ratio to the input's."""

    dims: ClassVar[int]

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: Ratio | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self._check_window(kernel_size)
        self.kernel_size = repeat(kernel_size, self.dims)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else repeat(output_size, self.dims)
        self.output_ratio = None if output_ratio is None else repeat(output_ratio, self.dims)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{type(self).__name__} requires specifying either an output size, or a pooling "
                "ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def _check_window(self, kernel_size: Size) -> None:
        """What is refused before anything else."""

    def _arguments(self) -> tuple[Any, ...]:
        return (
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The largest value in windows of an image that are placed at random.

    Shape: (N, C, H, W) -> (N, C, *output_size), or (N, C, H * ratio, W * ratio) rounded down.

    Raises: ValueError unless one of size and ratio is given, the ratio between 0 and 1.

    >>> import minigrad as torch
    >>> torch.nn.FractionalMaxPool2d(2, output_size=(3, 2))(torch.rand(1, 5, 7, 6)).shape
    torch.Size([1, 5, 3, 2])
    """

    dims = 2

    def forward(self, input: Tensor) -> Any:
        """The maxima, and where they were if ``return_indices``."""
        return F.fractional_max_pool2d(input, *self._arguments())


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The largest value in windows of a volume that are placed at random.

    Shape: (N, C, D, H, W) -> (N, C, *output_size), or (N, C, D * ratio, ...) rounded down.

    Raises: ValueError as ``FractionalMaxPool2d``, and for a window that is not positive.

    >>> import minigrad as torch
    >>> torch.nn.FractionalMaxPool3d(2, output_ratio=0.5)(torch.rand(1, 5, 7, 6, 4)).shape
    torch.Size([1, 5, 3, 3, 2])
    """

    dims = 3

    def _check_window(self, kernel_size: Size) -> None:
        if not all(k > 0 for k in repeat(kernel_size, self.dims)):
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")

    def forward(self, input: Tensor) -> Any:
        """The maxima, and where they were if ``return_indices``."""
        return F.fractional_max_pool3d(input, *self._arguments())
