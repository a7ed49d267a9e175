"""The gamma distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#gamma
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.exp_family import ExponentialFamily
from minigrad.distributions.pathwise import standard_gamma

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """Waiting times for ``concentration`` events that come at some rate.

    Formula: p(x) = rate^a x^(a - 1) exp(-rate x) / Gamma(a) for a = concentration

    >>> import minigrad as torch
    >>> torch.distributions.Gamma(2., 4.).mean
    tensor(0.5000)
    """

    arg_constraints = takes(concentration=constraints.positive, rate=constraints.positive)
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    concentration: Tensor
    rate: Tensor

    def __init__(
        self,
        concentration: Tensor | float,
        rate: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self._keep(validate_args, concentration=concentration, rate=rate)

    mean = formula(lambda d: d.concentration / d.rate)
    mode = formula(lambda d: ((d.concentration - 1) / d.rate).clamp(min=0))
    variance = formula(lambda d: d.concentration / d.rate.pow(2))

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """z / rate for z of rate one; the gradient by the concentration keeps the quantile."""
        shape = self._extended_shape(sample_shape)
        value = standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        value.detach().clamp_(min=torch.finfo(value.dtype).tiny)
        return value

    def log_prob(self, value: Any) -> Any:
        """a log(rate) + (a - 1) log(x) - rate x - log Gamma(a)."""
        value = torch.as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        if self._validate_args:
            self._validate_sample(value)
        return (
            torch.xlogy(self.concentration, self.rate)
            + torch.xlogy(self.concentration - 1, value)
            - self.rate * value
            - torch.lgamma(self.concentration)
        )

    @checked
    def cdf(self, value: Any) -> Any:
        """The regularised incomplete gamma function of rate x."""
        return torch.special.gammainc(self.concentration, self.rate * value)

    def entropy(self) -> Any:
        """a - log(rate) + log Gamma(a) + (1 - a) digamma(a)."""
        return (
            self.concentration
            - torch.log(self.rate)
            + torch.lgamma(self.concentration)
            + (1.0 - self.concentration) * torch.digamma(self.concentration)
        )

    @property
    def _natural_params(self) -> Any:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        return torch.lgamma(x + 1) + (x + 1) * torch.log(-y.reciprocal())
