"""The normal distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#normal
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.exp_family import ExponentialFamily
from minigrad.distributions.utils import _standard_normal

__all__ = ["Normal"]


class Normal(ExponentialFamily):
    """Normal numbers of mean ``loc`` and standard deviation ``scale``.

    Formula: p(x) = exp(-((x - loc) / scale)^2 / 2) / (scale sqrt(2 pi))

    >>> import minigrad as torch
    >>> d = torch.distributions.Normal(0., 2.)
    >>> d.log_prob(torch.tensor(0.)), d.variance
    (tensor(-1.6121), tensor(4.))
    """

    arg_constraints = takes(loc=constraints.real, scale=constraints.positive)
    support = constraints.real
    has_rsample = True
    _mean_carrier_measure = 0
    loc: Tensor
    scale: Tensor

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self._keep(validate_args, loc=loc, scale=scale)

    mean = mode = formula(lambda d: d.loc)
    stddev = formula(lambda d: d.scale)
    variance = formula(lambda d: d.stddev.pow(2))

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw values, without gradients."""
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            return torch.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """loc + scale z for standard normal z."""
        shape = self._extended_shape(sample_shape)
        return self.loc + _standard_normal(shape, self.loc.dtype, self.loc.device) * self.scale

    @checked
    def log_prob(self, value: Any) -> Any:
        """-(x - loc)^2 / (2 scale^2) - log(scale sqrt(2 pi))."""
        squares = (value - self.loc) ** 2 / (2 * self.scale**2)
        return -squares - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    @checked
    def cdf(self, value: Any) -> Any:
        """(1 + erf((x - loc) / (scale sqrt 2))) / 2."""
        return 0.5 * (1 + torch.erf((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)))

    def icdf(self, value: Any) -> Any:
        """loc + scale sqrt(2) erfinv(2 p - 1)."""
        return self.loc + self.scale * torch.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Any:
        """log(2 pi e scale^2) / 2."""
        return 0.5 + 0.5 * math.log(2 * math.pi) + torch.log(self.scale)

    @property
    def _natural_params(self) -> Any:
        return self.loc / self.scale.pow(2), -0.5 * self.scale.pow(2).reciprocal()

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        return -0.25 * x.pow(2) / y + 0.5 * torch.log(-math.pi / y)
