"""Windows of an image as columns, and columns added up to an image."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.nn.modules.utils import Size
from minigrad.tensor import Tensor

__all__ = ["Fold", "Unfold"]


class Fold(Layer):
    """Add windows up to the image that they were cut from; where they overlap, they sum.

    Shape: (N, C k0 k1, L) -> (N, C, *output_size), with as many windows L as fit.

    Raises: RuntimeError for another number of windows.

    >>> import minigrad as torch
    >>> torch.nn.Fold((2, 3), (2, 2))(torch.ones(1, 4, 2))
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """

    shown = (
        "output_size={0.output_size}, kernel_size={0.kernel_size}, dilation={0.dilation}, "
        "padding={0.padding}, stride={0.stride}"
    )

    def __init__(
        self,
        output_size: Size,
        kernel_size: Size,
        dilation: Size = 1,
        padding: Size = 0,
        stride: Size = 1,
    ) -> None:
        super().__init__(
            output_size=output_size,
            kernel_size=kernel_size,
            dilation=dilation,
            padding=padding,
            stride=stride,
        )

    def forward(self, input: Tensor) -> Tensor:
        """The image."""
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )


class Unfold(Layer):
    """Cut an image into windows, each a column.

    Shape: (N, C, H, W) -> (N, C k0 k1, L), with as many windows L as fit.

    >>> import minigrad as torch
    >>> torch.nn.Unfold(2)(torch.arange(6.0).reshape(1, 1, 2, 3))
    tensor([[[0., 1.],
             [1., 2.],
             [3., 4.],
             [4., 5.]]])
    """

    shown = (
        "kernel_size={0.kernel_size}, dilation={0.dilation}, padding={0.padding}, stride={0.stride}"
    )

    def __init__(
        self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        super().__init__(kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)

    def forward(self, input: Tensor) -> Tensor:
        """The columns."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)
