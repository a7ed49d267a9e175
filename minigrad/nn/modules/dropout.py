"""Layers that leave out random parts in training."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.modules.layer import Layer
from minigrad.tensor import Tensor

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
]


class _DropoutNd(Layer):
    """What the dropouts share: the probability, and whether they overwrite their input."""

    shown = "p={0.p}, inplace={0.inplace}"

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        super().__init__(p=p, inplace=inplace)


class Dropout(_DropoutNd):
    """Set each element to zero with probability p in training, and scale the rest.

    y = x * m / (1 - p) with m drawn from Bernoulli(1 - p); y = x in evaluation mode.

    Shape: any. Source: Hinton et al., Improving neural networks by preventing co-adaptation of
    feature detectors, 2012.

    Raises: ValueError unless p lies between 0 and 1.

    >>> import minigrad as torch
    >>> torch.nn.Dropout(p=0.2).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with parts left out."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Leave out whole channels of series, each with probability p, and scale the rest.

    Shape: (N, C, L), unchanged.

    >>> import minigrad as torch
    >>> torch.nn.Dropout1d(p=1.0)(torch.ones(1, 1, 2)).sum()
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels left out."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Leave out whole channels of images, each with probability p, and scale the rest.

    Shape: (N, C, H, W), unchanged.

    >>> import minigrad as torch
    >>> torch.nn.Dropout2d(p=1.0)(torch.ones(1, 1, 1, 2)).sum()
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels left out."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Leave out whole channels of volumes, each with probability p, and scale the rest.

    Shape: (N, C, D, H, W), unchanged.

    >>> import minigrad as torch
    >>> torch.nn.Dropout3d(p=1.0)(torch.ones(1, 1, 1, 1, 2)).sum()
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels left out."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance, for nets of ``SELU``. Shape: any.

    Source: Klambauer et al., Self-normalizing neural networks, 2017.

    >>> import minigrad as torch
    >>> torch.nn.AlphaDropout().eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with parts set to the value that SELU saturates at, then rescaled."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """``AlphaDropout`` of whole channels. Shape: (N, C, *) or (C, *), unchanged.

    >>> import minigrad as torch
    >>> torch.nn.FeatureAlphaDropout().eval()(torch.ones(1, 1, 2))
    tensor([[[1., 1.]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels set to the value that SELU saturates at, then rescaled."""
        return F.feature_alpha_dropout(input, self.p, self.training)
