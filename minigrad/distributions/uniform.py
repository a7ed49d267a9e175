"""The uniform distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#uniform
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, checked, formula

__all__ = ["Uniform"]


class Uniform(Distribution):
    """Numbers of [low, high), all as likely.

    Formula: p(x) = 1 / (high - low)

    >>> import minigrad as torch
    >>> torch.distributions.Uniform(0., 4.).log_prob(torch.tensor(1.)).exp()
    tensor(0.2500)
    """

    has_rsample = True
    low: Tensor
    high: Tensor

    def __init__(
        self, low: Tensor | float, high: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self._keep(validate_args, low=low, high=high)

    @property
    def arg_constraints(self) -> Any:
        """low < high."""
        return {
            "low": constraints.less_than(self.high),
            "high": constraints.greater_than(self.low),
        }

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """[low, high]."""
        return constraints.interval(self.low, self.high)

    mean = formula(lambda d: (d.high + d.low) / 2)
    mode = formula(lambda d: math.nan * d.high)
    stddev = formula(lambda d: (d.high - d.low) / 12**0.5)
    variance = formula(lambda d: (d.high - d.low).pow(2) / 12)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """low + (high - low) u for u of [0, 1)."""
        shape = self._extended_shape(sample_shape)
        u = torch.rand(shape, dtype=self.low.dtype, device=self.low.device)
        return self.low + u * (self.high - self.low)

    @checked
    def log_prob(self, value: Any) -> Any:
        """-log(high - low), and -inf outside."""
        inside = self.low.le(value).type_as(self.low) * self.high.gt(value).type_as(self.low)
        return torch.log(inside) - torch.log(self.high - self.low)

    @checked
    def cdf(self, value: Any) -> Any:
        """(x - low) / (high - low)."""
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Any) -> Any:
        """low + (high - low) p."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Any:
        """log(high - low)."""
        return torch.log(self.high - self.low)
