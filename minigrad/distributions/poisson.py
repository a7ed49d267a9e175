"""The Poisson distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#poisson
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.exp_family import ExponentialFamily
from minigrad.distributions.utils import broadcast_all

__all__ = ["Poisson"]


class Poisson(ExponentialFamily):
    """Numbers of events that happen ``rate`` times in the mean.

    Formula: P(k) = rate^k exp(-rate) / k!

    >>> import minigrad as torch
    >>> torch.distributions.Poisson(2.).log_prob(torch.tensor(0.))
    tensor(-2.)
    """

    arg_constraints = takes(rate=constraints.nonnegative)
    support = constraints.nonnegative_integer
    rate: Tensor

    def __init__(self, rate: Tensor | float, validate_args: bool | None = None) -> None:
        self._keep(validate_args, rate=rate)

    mean = variance = formula(lambda d: d.rate)
    mode = formula(lambda d: d.rate.floor())

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw counts."""
        with torch.no_grad():
            return torch.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    @checked
    def log_prob(self, value: Any) -> Any:
        """k log(rate) - rate - log k!."""
        rate, value = broadcast_all(self.rate, value)
        return value.xlogy(rate) - rate - (value + 1).lgamma()

    @property
    def _natural_params(self) -> Any:
        return (torch.log(self.rate),)

    def _log_normalizer(self, x: Any) -> Any:
        return torch.exp(x)
