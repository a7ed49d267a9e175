"""The generalised Pareto distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#generalizedpareto
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, checked, formula, takes

__all__ = ["GeneralizedPareto"]


def _moment(d: GeneralizedPareto, limit: float, moment: Any) -> Tensor:
    """A formula of the concentration c, where that is below a limit."""
    valid = d.concentration < limit
    return torch.where(valid, moment(torch.where(valid, d.concentration, limit / 2)), math.nan)


class GeneralizedPareto(Distribution):
    """What numbers exceed a high threshold by: tails as heavy as the concentration says.

    Formula: p(x) = (1 + c z)^(-1/c - 1) / scale, c = concentration, z = (x - loc) / scale

    >>> import minigrad as torch
    >>> torch.distributions.GeneralizedPareto(0., 1., 0.5).mean
    tensor(2.)
    """

    arg_constraints = takes(
        loc=constraints.real,
        scale=constraints.positive,
        concentration=constraints.real,
    )
    has_rsample = True
    loc: Tensor
    scale: Tensor
    concentration: Tensor

    def __init__(
        self,
        loc: Tensor | float,
        scale: Tensor | float,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self._keep(validate_args, loc=loc, scale=scale, concentration=concentration)

    mean = formula(lambda d: _moment(d, 1, lambda c: d.loc + d.scale / (1 - c)))
    variance = formula(
        lambda d: _moment(d, 0.5, lambda c: d.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)))
    )
    mode = formula(lambda d: d.loc)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """From loc on; up to loc - scale / concentration if that is negative."""
        top = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, torch.where(self.concentration < 0, top, math.inf))

    def _exponential(self) -> tuple[Tensor, Tensor]:
        """Where the concentration is zero, and one that is safe to divide by."""
        zero = torch.isclose(self.concentration, torch.zeros_like(self.concentration))
        return zero, torch.where(zero, 1.0, self.concentration)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The quantile of a uniform number."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    @checked
    def log_prob(self, value: Any) -> Any:
        """-log(scale) - (1/c + 1) log(1 + c z), or -log(scale) - z for c = 0."""
        z = (value - self.loc) / self.scale
        zero, c = self._exponential()
        power = 1 / c + torch.ones_like(z)
        tail = torch.where(power == 0, power, power * torch.log1p(c * z))
        return -self.scale.log() - torch.where(zero, z, tail)

    @checked
    def log_survival_function(self, value: Any) -> Any:
        """The log of the probability of greater values: -log(1 + c z) / c."""
        z = (value - self.loc) / self.scale
        zero, c = self._exponential()
        return torch.where(zero, -z, -torch.log1p(c * z) / c)

    def log_cdf(self, value: Any) -> Any:
        """log(cdf)."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Any) -> Any:
        """1 - (1 + c z)^(-1/c)."""
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Any) -> Any:
        """loc + scale ((1 - p)^(-c) - 1) / c."""
        zero, c = self._exponential()
        log_rest = torch.log1p(-value)
        curved = self.loc + self.scale / c * torch.expm1(-c * log_rest)
        return torch.where(zero, self.loc - self.scale * log_rest, curved)

    def entropy(self) -> Any:
        """log(scale) + c + 1."""
        return torch.log(self.scale) + self.concentration + 1
