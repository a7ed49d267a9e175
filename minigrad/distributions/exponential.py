"""The exponential distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#exponential
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.exp_family import ExponentialFamily

__all__ = ["Exponential"]


class Exponential(ExponentialFamily):
    """Waiting times for events that come at some rate.

    Formula: p(x) = rate exp(-rate x)

    >>> import minigrad as torch
    >>> torch.distributions.Exponential(2.).mean
    tensor(0.5000)
    """

    arg_constraints = takes(rate=constraints.positive)
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    rate: Tensor

    def __init__(self, rate: Tensor | float, validate_args: bool | None = None) -> None:
        self._keep(validate_args, rate=rate)

    mean = stddev = formula(lambda d: d.rate.reciprocal())
    mode = formula(lambda d: torch.zeros_like(d.rate))
    variance = formula(lambda d: d.rate.pow(-2))

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """z / rate for waiting times z of rate one."""
        return self.rate.new(self._extended_shape(sample_shape)).exponential_() / self.rate

    @checked
    def log_prob(self, value: Any) -> Any:
        """log(rate) - rate x."""
        return self.rate.log() - self.rate * value

    @checked
    def cdf(self, value: Any) -> Any:
        """1 - exp(-rate x)."""
        return 1 - torch.exp(-self.rate * value)

    def icdf(self, value: Any) -> Any:
        """-log(1 - p) / rate."""
        return -torch.log1p(-value) / self.rate

    def entropy(self) -> Any:
        """1 - log(rate)."""
        return 1.0 - torch.log(self.rate)

    @property
    def _natural_params(self) -> Any:
        return (-self.rate,)

    def _log_normalizer(self, x: Any) -> Any:
        return -torch.log(-x)
