"""Linear layers, convolutions and normalisations that count their input's channels themselves."""

from __future__ import annotations

from typing import Any

from minigrad import functions
from minigrad.autograd import no_grad
from minigrad.dtypes import int64
from minigrad.nn.modules.batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    _BatchNorm,
    _NormBase,
)
from minigrad.nn.modules.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    _ConvNd,
)
from minigrad.nn.modules.instancenorm import (
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    _InstanceNorm,
)
from minigrad.nn.modules.lazy import LazyModuleMixin
from minigrad.nn.modules.linear import Linear
from minigrad.nn.modules.naming import init_per_class
from minigrad.nn.modules.utils import Size
from minigrad.nn.parameter import UninitializedBuffer, UninitializedParameter
from minigrad.tensor import Tensor

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]


class LazyLinear(LazyModuleMixin, Linear):
    """A ``Linear`` whose in_features is the last size of the first input.

    >>> import minigrad as torch
    >>> layer = torch.nn.LazyLinear(3)
    >>> layer(torch.zeros(2, 5)).shape, layer.in_features
    (torch.Size([2, 3]), 5)
    """

    cls_to_become = Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        # The sizes are not known yet; the bias would be made at once.
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they have a shape.

        >>> import minigrad as torch
        >>> torch.nn.LazyLinear(3).reset_parameters()
        """
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take in_features from the input.

        >>> import minigrad as torch
        >>> torch.nn.LazyLinear(3).initialize_parameters(torch.zeros(2, 5))
        """
        features = input.shape[-1]
        if self.has_uninitialized_params():
            with no_grad():
                self.in_features = features
                _materialize(self.weight, (self.out_features, features))
                _materialize(self.bias, (self.out_features,))
                self.reset_parameters()
        if self.in_features == 0:  # the shapes came from a state dict
            if features != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {features} is not equal to in_features "
                    f"from self.weight: {self.weight.shape[-1]}"
                )
            self.in_features = features


def _materialize(tensor: Any, shape: tuple[int, ...]) -> None:
    """Give a member its shape, unless the layer goes without it."""
    if tensor is not None:
        tensor.materialize(shape)


class _LazyConvXdMixin(LazyModuleMixin, _ConvNd):
    """What the lazy convolutions share: in_channels comes from the first input."""

    def _forget_shapes(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they have a shape.

        >>> import minigrad as torch
        >>> torch.nn.LazyConv1d(2, 3).reset_parameters()
        """
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take in_channels from the input.

        Raises: RuntimeError for another number of dimensions, ValueError for groups that do not
        divide the channels.

        >>> import minigrad as torch
        >>> layer = torch.nn.LazyConv1d(2, 3)
        >>> layer.initialize_parameters(torch.zeros(1, 4, 5))
        >>> layer.weight.shape
        torch.Size([2, 4, 3])
        """
        if not self.has_uninitialized_params():
            return
        self.in_channels = self._get_in_channels(input)
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        _materialize(self.weight, self._weight_shape())
        _materialize(self.bias, (self.out_channels,))
        self.reset_parameters()

    def _get_in_channels(self, input: Tensor) -> int:
        bare = self.dims + 1
        if input.ndim not in (bare, bare + 1):
            raise RuntimeError(
                f"Expected {bare}D (unbatched) or {bare + 1}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        return int(input.shape[-bare])


@init_per_class
class _LazyConvNd(_LazyConvXdMixin):
    def __init__(
        self,
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
        options = (kernel_size, stride, padding, dilation, groups, False, padding_mode)
        super().__init__(0, 0, *options, device=device, dtype=dtype)
        self._forget_shapes(out_channels, bias, device, dtype)


@init_per_class
class _LazyConvTransposeNd(_LazyConvXdMixin):
    def __init__(
        self,
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
        sizes: Any = (kernel_size, stride, padding, output_padding, groups)
        super().__init__(0, 0, *sizes, False, dilation, padding_mode, device=device, dtype=dtype)
        self._forget_shapes(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConvNd, Conv1d):
    """A ``Conv1d`` whose in_channels is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyConv1d(2, 3)(torch.zeros(1, 4, 5)).shape
    torch.Size([1, 2, 3])
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConvNd, Conv2d):
    """A ``Conv2d`` whose in_channels is counted in the first input.

    >>> import minigrad as torch
    >>> layer = torch.nn.LazyConv2d(2, 3)
    >>> layer(torch.zeros(1, 4, 5, 5)).shape, layer
    (torch.Size([1, 2, 3, 3]), Conv2d(4, 2, kernel_size=(3, 3), stride=(1, 1)))
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConvNd, Conv3d):
    """A ``Conv3d`` whose in_channels is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyConv3d(2, 1)(torch.zeros(1, 4, 5, 5, 5)).shape
    torch.Size([1, 2, 5, 5, 5])
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTransposeNd, ConvTranspose1d):
    """A ``ConvTranspose1d`` whose in_channels is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyConvTranspose1d(2, 3)(torch.zeros(1, 4, 5)).shape
    torch.Size([1, 2, 7])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTransposeNd, ConvTranspose2d):
    """A ``ConvTranspose2d`` whose in_channels is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyConvTranspose2d(2, 3)(torch.zeros(1, 4, 5, 5)).shape
    torch.Size([1, 2, 7, 7])
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTransposeNd, ConvTranspose3d):
    """A ``ConvTranspose3d`` whose in_channels is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyConvTranspose3d(2, 1)(torch.zeros(1, 4, 5, 5, 5)).shape
    torch.Size([1, 2, 5, 5, 5])
    """

    cls_to_become = ConvTranspose3d


class _LazyNormBase(LazyModuleMixin, _NormBase):
    """What the lazy normalisations share: num_features is the second size of the first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device=device, dtype=dtype, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = functions.zeros((), dtype=int64, device=device)

    def reset_parameters(self) -> None:
        """Set weight 1, bias 0 and forget the batches seen, once there is a shape.

        >>> import minigrad as torch
        >>> torch.nn.LazyBatchNorm1d().reset_parameters()
        """
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take num_features from the input.

        >>> import minigrad as torch
        >>> layer = torch.nn.LazyBatchNorm1d()
        >>> layer.initialize_parameters(torch.zeros(2, 5))
        >>> layer.weight.shape
        torch.Size([5])
        """
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for tensor in (self.weight, self.bias, self.running_mean, self.running_var):
                _materialize(tensor, (self.num_features,))
            self.reset_parameters()


class LazyBatchNorm1d(_LazyNormBase, _BatchNorm):
    """A ``BatchNorm1d`` whose num_features is counted in the first input.

    >>> import minigrad as torch
    >>> layer = torch.nn.LazyBatchNorm1d().eval()
    >>> layer(torch.zeros(2, 5)).shape, layer.num_features
    (torch.Size([2, 5]), 5)
    """

    cls_to_become = BatchNorm1d
    ranks = BatchNorm1d.ranks


class LazyBatchNorm2d(_LazyNormBase, _BatchNorm):
    """A ``BatchNorm2d`` whose num_features is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyBatchNorm2d()(torch.zeros(2, 5, 1, 1)).shape
    torch.Size([2, 5, 1, 1])
    """

    cls_to_become = BatchNorm2d
    ranks = BatchNorm2d.ranks


class LazyBatchNorm3d(_LazyNormBase, _BatchNorm):
    """A ``BatchNorm3d`` whose num_features is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyBatchNorm3d()(torch.zeros(2, 5, 1, 1, 1)).shape
    torch.Size([2, 5, 1, 1, 1])
    """

    cls_to_become = BatchNorm3d
    ranks = BatchNorm3d.ranks


class LazyInstanceNorm1d(_LazyNormBase, _InstanceNorm):
    """An ``InstanceNorm1d`` whose num_features is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyInstanceNorm1d()(torch.zeros(2, 5, 3)).shape
    torch.Size([2, 5, 3])
    """

    cls_to_become = InstanceNorm1d
    ranks = InstanceNorm1d.ranks


class LazyInstanceNorm2d(_LazyNormBase, _InstanceNorm):
    """An ``InstanceNorm2d`` whose num_features is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyInstanceNorm2d()(torch.zeros(2, 5, 3, 3)).shape
    torch.Size([2, 5, 3, 3])
    """

    cls_to_become = InstanceNorm2d
    ranks = InstanceNorm2d.ranks


class LazyInstanceNorm3d(_LazyNormBase, _InstanceNorm):
    """An ``InstanceNorm3d`` whose num_features is counted in the first input.

    >>> import minigrad as torch
    >>> torch.nn.LazyInstanceNorm3d()(torch.zeros(2, 5, 3, 3, 3)).shape
    torch.Size([2, 5, 3, 3, 3])
    """

    cls_to_become = InstanceNorm3d
    ranks = InstanceNorm3d.ranks
