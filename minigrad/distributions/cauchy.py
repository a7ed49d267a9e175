"""The Cauchy distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#cauchy
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, checked, formula, takes

__all__ = ["Cauchy"]


class Cauchy(Distribution):
    """Ratios of two normal numbers: so wide that there is no mean.

    Formula: p(x) = 1 / (pi scale (1 + ((x - loc) / scale)^2))

    >>> import minigrad as torch
    >>> torch.distributions.Cauchy(0., 1.).cdf(torch.tensor([-1., 0., 1.]))
    tensor([0.2500, 0.5000, 0.7500])
    """

    arg_constraints = takes(loc=constraints.real, scale=constraints.positive)
    support = constraints.real
    has_rsample = True
    loc: Tensor
    scale: Tensor

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self._keep(validate_args, loc=loc, scale=scale)

    mean = formula(lambda d: d._filled(math.nan, d.loc))
    mode = formula(lambda d: d.loc)
    variance = formula(lambda d: d._filled(math.inf, d.loc))

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """loc + scale z for z of the standard Cauchy distribution."""
        return self.loc + self.loc.new(self._extended_shape(sample_shape)).cauchy_() * self.scale

    @checked
    def log_prob(self, value: Any) -> Any:
        """-log(pi scale) - log(1 + ((x - loc) / scale)^2)."""
        squares = ((value - self.loc) / self.scale) ** 2
        return -math.log(math.pi) - self.scale.log() - squares.log1p()

    @checked
    def cdf(self, value: Any) -> Any:
        """atan((x - loc) / scale) / pi + 1/2."""
        return torch.atan((value - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        """loc + scale tan(pi (p - 1/2))."""
        return torch.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Any:
        """log(4 pi scale)."""
        return math.log(4 * math.pi) + self.scale.log()
