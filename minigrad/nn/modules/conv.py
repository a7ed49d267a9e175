"""Convolutions over one, two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "Conv3d"]

Size = int | tuple[int, ...]

_PADDINGS = ("valid", "same")
_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def repeat(value: Any, dims: int) -> tuple[int, ...]:
    """One number per dimension: ``3`` becomes ``(3, 3)``, a tuple stays as it is."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims


class _ConvNd(Module):
    """What the convolutions share: arguments, parameters and the printed form."""

    dims: ClassVar[int]

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str | tuple[int, ...]
    dilation: tuple[int, ...]
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: str | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check(in_channels, out_channels, groups, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = repeat(kernel_size, self.dims)
        self.stride = repeat(stride, self.dims)
        self.padding = padding if isinstance(padding, str) else repeat(padding, self.dims)
        self.dilation = repeat(dilation, self.dims)
        self.transposed = False
        self.output_padding = (0,) * self.dims
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._pad_widths()
        made = {"device": device, "dtype": dtype}
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(functions.empty(shape, **made))
        if bias:
            self.bias = Parameter(functions.empty(out_channels, **made))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _pad_widths(self) -> Sequence[int]:
        """The border before and after each axis, the last first, for borders of no zeros."""
        if not isinstance(self.padding, str):
            return tuple(p for p in reversed(self.padding) for _ in range(2))
        if self.padding not in _PADDINGS:
            raise ValueError(
                f"Invalid padding string {self.padding!r}, should be one of {_listed(_PADDINGS)}"
            )
        if self.padding == "valid":
            return [0] * (2 * self.dims)
        if any(s != 1 for s in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        # An even kernel needs one more on one side; torch puts it behind.
        return [width for n in reversed(totals) for width in (n // 2, n - n // 2)]

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, in this order: uniform within 1 / sqrt(fan_in).

        >>> import minigrad as torch
        >>> torch.nn.Conv2d(1, 2, 3).reset_parameters()
        """
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Any:
        """The cross-correlation of the input with the weight, plus the bias."""
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return self._convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def _convolve(self, *arguments: Any) -> Any:
        """The convolution over as many dimensions as the class has."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Channels, kernel and stride, and the rest where it is not the default."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0,) * self.dims:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.dims:
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


def _check(in_channels: int, out_channels: int, groups: int, padding_mode: str) -> None:
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups:
        raise ValueError("in_channels must be divisible by groups")
    if out_channels % groups:
        raise ValueError("out_channels must be divisible by groups")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(
            f"padding_mode must be one of {_listed(_PADDING_MODES)}, but got "
            f"padding_mode='{padding_mode}'"
        )


def _listed(names: tuple[str, ...]) -> str:
    return "{" + ", ".join(repr(name) for name in names) + "}"


class Conv1d(_ConvNd):
    """Cross-correlation of series with learned kernels.

    y[n, o] = b[o] + sum over c of w[o, c] * x[n, c], a window sliding with ``stride``.

    Shape: (N, in, L) -> (N, out, L') with
    L' = (L + 2 padding - dilation (k - 1) - 1) // stride + 1; the batch dimension may be missing.

    >>> import minigrad as torch
    >>> torch.nn.Conv1d(16, 33, 3, stride=2)(torch.zeros(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """

    dims = 1

    def _convolve(self, *arguments: Any) -> Any:
        return F.conv1d(*arguments)


class Conv2d(_ConvNd):
    """Cross-correlation of images with learned kernels.

    y[n, o] = b[o] + sum over c of w[o, c] * x[n, c], a window sliding with ``stride``.

    ``padding`` is a number of border cells, "valid" (none) or "same" (as many as keep the size);
    ``padding_mode`` says what they hold. Every size is a number or a pair (height, width).

    Shape: (N, in, H, W) -> (N, out, H', W') with
    H' = (H + 2 padding - dilation (k - 1) - 1) // stride + 1; the batch dimension may be missing.

    Raises: ValueError for groups that do not divide the channels, or an unknown padding.

    >>> import minigrad as torch
    >>> torch.nn.Conv2d(1, 6, kernel_size=5, padding=2)(torch.zeros(4, 1, 28, 28)).shape
    torch.Size([4, 6, 28, 28])
    """

    dims = 2

    def _convolve(self, *arguments: Any) -> Any:
        return F.conv2d(*arguments)


class Conv3d(_ConvNd):
    """Cross-correlation of volumes with learned kernels.

    y[n, o] = b[o] + sum over c of w[o, c] * x[n, c], a window sliding with ``stride``.

    Shape: (N, in, D, H, W) -> (N, out, D', H', W'); the batch dimension may be missing.

    >>> import minigrad as torch
    >>> torch.nn.Conv3d(2, 3, (1, 2, 3))(torch.zeros(1, 2, 4, 4, 4)).shape
    torch.Size([1, 3, 4, 3, 2])
    """

    dims = 3

    def _convolve(self, *arguments: Any) -> Any:
        return F.conv3d(*arguments)
