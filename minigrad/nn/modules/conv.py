"""Convolutions over one, two and three dimensions, and their transposes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.modules.module import Module
from minigrad.nn.modules.naming import init_per_class
from minigrad.nn.modules.utils import Size, repeat
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

_PADDINGS = ("valid", "same")
_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What convolutions and their transposes share: parameters and the printed form."""

    dims: ClassVar[int]
    _convolve: ClassVar[Callable[..., Any]]

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: str | tuple[int, ...],
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check(in_channels, out_channels, groups, stride, padding, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._pad_widths()
        made = {"device": device, "dtype": dtype}
        self.weight = Parameter(functions.empty(self._weight_shape(), **made))
        if bias:
            self.bias = Parameter(functions.empty(out_channels, **made))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        sizes = (self.out_channels, self.in_channels)
        first, second = reversed(sizes) if self.transposed else sizes
        return (first, second // self.groups, *self.kernel_size)

    def _pad_widths(self) -> Sequence[int]:
        """The border before and after each axis, the last first, for borders of no zeros."""
        if not isinstance(self.padding, str):
            return tuple(p for p in reversed(self.padding) for _ in range(2))
        if self.padding == "valid":
            return [0] * (2 * len(self.kernel_size))
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
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Channels, kernel and stride, and the rest where it is not the default."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0,) * len(self.padding):
            text += f", padding={self.padding}"
        if self.dilation != (1,) * len(self.dilation):
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * len(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


def _check(
    in_channels: int,
    out_channels: int,
    groups: int,
    stride: tuple[int, ...],
    padding: str | tuple[int, ...],
    padding_mode: str,
) -> None:
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups:
        raise ValueError("in_channels must be divisible by groups")
    if out_channels % groups:
        raise ValueError("out_channels must be divisible by groups")
    if isinstance(padding, str) and padding not in _PADDINGS:
        raise ValueError(
            f"Invalid padding string {padding!r}, should be one of {_listed(_PADDINGS)}"
        )
    if padding == "same" and any(s != 1 for s in stride):
        raise ValueError("padding='same' is not supported for strided convolutions")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(
            f"padding_mode must be one of {_listed(_PADDING_MODES)}, but got "
            f"padding_mode='{padding_mode}'"
        )


def _listed(names: tuple[str, ...]) -> str:
    return "{" + ", ".join(repr(name) for name in names) + "}"


@init_per_class
class _Conv(_ConvNd):
    """What the convolutions share: arguments, and borders that are not zeros."""

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
        super().__init__(
            in_channels,
            out_channels,
            repeat(kernel_size, self.dims),
            repeat(stride, self.dims),
            padding if isinstance(padding, str) else repeat(padding, self.dims),
            repeat(dilation, self.dims),
            False,
            repeat(0, self.dims),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor) -> Any:
        """The cross-correlation of the input with the weight, plus the bias."""
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return self._convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """Cross-correlation of series with learned kernels.

    y[n, o] = b[o] + sum over c of w[o, c] * x[n, c], a window sliding with ``stride``.

    Shape: (N, in, L) -> (N, out, L') with
    L' = (L + 2 padding - dilation (k - 1) - 1) // stride + 1; the batch dimension may be missing.

    >>> import minigrad as torch
    >>> torch.nn.Conv1d(16, 33, 3, stride=2)(torch.zeros(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """

    dims = 1
    _convolve = staticmethod(F.conv1d)


class Conv2d(_Conv):
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
    _convolve = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Cross-correlation of volumes with learned kernels.

    y[n, o] = b[o] + sum over c of w[o, c] * x[n, c], a window sliding with ``stride``.

    Shape: (N, in, D, H, W) -> (N, out, D', H', W'); the batch dimension may be missing.

    >>> import minigrad as torch
    >>> torch.nn.Conv3d(2, 3, (1, 2, 3))(torch.zeros(1, 2, 4, 4, 4)).shape
    torch.Size([1, 3, 4, 3, 2])
    """

    dims = 3
    _convolve = staticmethod(F.conv3d)


@init_per_class
class _ConvTransposeNd(_ConvNd):
    """What the transposed convolutions share: arguments, and an output size that can be chosen."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels,
            out_channels,
            repeat(kernel_size, self.dims),
            repeat(stride, self.dims),
            repeat(padding, self.dims),
            repeat(dilation, self.dims),
            True,
            repeat(output_padding, self.dims),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Any:
        """The transposed convolution, of one of the sizes that a convolution maps to the input's.

        Raises: ValueError for an ``output_size`` that is not one of them.
        """
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        return self._convolve(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )

    def _extra(self, input: Tensor, output_size: Sequence[int]) -> list[int]:
        """What has to be added to the smallest size to get the one that is asked for."""
        dims = self.dims
        before = 2 if input.ndim == dims + 2 else 1
        if len(output_size) == before + dims:
            output_size = output_size[before:]
        if len(output_size) != dims:
            raise ValueError(
                f"ConvTranspose{dims}D: for {input.ndim}D input, output_size must have {dims} or "
                f"{before + dims} elements (got {len(output_size)})"
            )
        axes: Any = zip(self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        smallest = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, (s, p, d, k) in zip(input.shape[before:], axes, strict=True)
        ]
        largest = [n + s - 1 for n, s in zip(smallest, self.stride, strict=True)]
        if not all(a <= n <= b for a, n, b in zip(smallest, output_size, largest, strict=True)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from {smallest} "
                f"to {largest} (for an input of {input.shape[2:]})"
            )
        return [n - a for n, a in zip(output_size, smallest, strict=True)]


class ConvTranspose1d(_ConvTransposeNd):
    """The transpose of ``Conv1d`` as a linear map: each input cell adds a scaled kernel.

    Weight: (in, out / groups, k). Shape: (N, in, L) -> (N, out, L') with
    L' = (L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1, or ``output_size``.

    >>> import minigrad as torch
    >>> torch.nn.ConvTranspose1d(16, 33, 3, stride=2)(torch.zeros(20, 16, 50)).shape
    torch.Size([20, 33, 101])
    """

    dims = 1
    _convolve = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """The transpose of ``Conv2d`` as a linear map: each input cell adds a scaled kernel.

    Weight: (in, out / groups, k0, k1). Shape: (N, in, H, W) -> (N, out, H', W'), sizes as for
    ``ConvTranspose1d``; the batch dimension may be missing.

    Raises: ValueError for a padding mode other than "zeros".

    >>> import minigrad as torch
    >>> up = torch.nn.ConvTranspose2d(16, 16, 3, stride=2, padding=1)
    >>> up(torch.zeros(1, 16, 6, 6), output_size=(12, 12)).shape
    torch.Size([1, 16, 12, 12])
    """

    dims = 2
    _convolve = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """The transpose of ``Conv3d`` as a linear map: each input cell adds a scaled kernel.

    Weight: (in, out / groups, k0, k1, k2). Shape: (N, in, D, H, W) -> (N, out, D', H', W'), sizes
    as for ``ConvTranspose1d``.

    >>> import minigrad as torch
    >>> torch.nn.ConvTranspose3d(2, 3, 2, stride=2)(torch.zeros(1, 2, 2, 3, 4)).shape
    torch.Size([1, 3, 4, 6, 8])
    """

    dims = 3
    _convolve = staticmethod(F.conv_transpose3d)
