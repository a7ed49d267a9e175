"""Normalisation of each sample by itself."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.modules.layer import Layer
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class _Affine(Module):
    """What the normalisations share that scale and shift what they normalised."""

    weight: Parameter | None
    bias: Parameter | None

    def _make(self, names: dict[str, bool], shape: Any, device: Any, dtype: Any) -> None:
        """Register the parameters that are wanted, and None in place of the others."""
        for name, wanted in names.items():
            empty = functions.empty(shape, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, None if empty is None else Parameter(empty))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set weight 1 and bias 0.

        >>> import minigrad as torch
        >>> torch.nn.LayerNorm(2).reset_parameters()
        """
        for name, fill in (("weight", init.ones_), ("bias", init.zeros_)):
            parameter = self._parameters.get(name)
            if parameter is not None:
                fill(parameter)


def _sizes(normalized_shape: int | Iterable[int]) -> tuple[int, ...]:
    if isinstance(normalized_shape, Integral):
        return (normalized_shape,)  # type: ignore[return-value]
    return tuple(normalized_shape)  # type: ignore[arg-type]


class LayerNorm(_Affine):
    """Normalise the last dimensions of each sample.

    y = (x - mean) / sqrt(var + eps) * weight + bias, with the biased variance.

    Shape: (*, normalized_shape), unchanged.

    Source: Ba, Kiros and Hinton, Layer normalization, 2016.

    >>> import minigrad as torch
    >>> torch.nn.LayerNorm(2)(torch.tensor([[1.0, 3.0]])).detach().round()
    tensor([[-1.,  1.]])
    """

    def __init__(
        self,
        normalized_shape: int | Iterable[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        wanted = {"weight": elementwise_affine, "bias": elementwise_affine and bias}
        self._make(wanted, self.normalized_shape, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """The input, normalised, scaled and shifted."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """All options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """Divide the last dimensions of each sample by their root mean square.

    y = x / sqrt(mean(x^2) + eps) * weight; eps is the dtype's own unless given.

    Shape: (*, normalized_shape), unchanged.

    Source: Zhang and Sennrich, Root mean square layer normalization, 2019.

    >>> import minigrad as torch
    >>> torch.nn.RMSNorm(2)(torch.tensor([[3.0, 4.0]])).detach()
    tensor([[0.8485, 1.1314]])
    """

    def __init__(
        self,
        normalized_shape: int | Iterable[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._make({"weight": elementwise_affine}, self.normalized_shape, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """The input, divided and scaled."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """All options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(_Affine):
    """Normalise groups of channels of each sample; weight and bias are per channel.

    y = (x - mean) / sqrt(var + eps) * weight + bias, with the biased variance of the group.

    Shape: (N, C, *), unchanged. Source: Wu and He, Group normalization, 2018.

    Raises: ValueError for groups that do not divide the channels.

    >>> import minigrad as torch
    >>> torch.nn.GroupNorm(1, 2)(torch.tensor([[1.0, 3.0]])).detach().round()
    tensor([[-1.,  1.]])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._make({"weight": affine, "bias": affine and bias}, num_channels, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """The input, normalised, scaled and shifted."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """All options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Layer):
    """Divide each channel by what its neighbours are at the same place.

    y[c] = x[c] / (k + alpha / size * sum of x[c']^2 over the ``size`` channels around c)^beta.

    Shape: (N, C, *), unchanged. Source: Krizhevsky et al., ImageNet classification with deep
    convolutional neural networks, 2012.

    >>> import minigrad as torch
    >>> torch.nn.LocalResponseNorm(1, alpha=2.5, beta=0.5, k=2.5)(torch.ones(1, 1, 3) * 3.0)
    tensor([[[0.6000, 0.6000, 0.6000]]])
    """

    shown = "{0.size}, alpha={0.alpha}, beta={0.beta}, k={0.k}"

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__(size=size, alpha=alpha, beta=beta, k=k)

    def forward(self, input: Tensor) -> Tensor:
        """The input, each channel divided."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)
