"""The inverse gamma distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#inversegamma
"""

from __future__ import annotations

import math
from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import formula, takes
from minigrad.distributions.gamma import Gamma
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import PowerTransform

__all__ = ["InverseGamma"]


def _mean(d: InverseGamma) -> Tensor:
    """rate / (a - 1); infinite for a up to 1."""
    return torch.where(d.concentration > 1, d.rate / (d.concentration - 1), math.inf)


def _variance(d: InverseGamma) -> Tensor:
    """rate^2 / ((a - 1)^2 (a - 2)); infinite for a up to 2."""
    a = d.concentration
    finite = d.rate.square() / ((a - 1).square() * (a - 2))
    return torch.where(a > 2, finite, math.inf)


class InverseGamma(TransformedDistribution):
    """1 / x for x of Gamma(concentration, rate).

    >>> import minigrad as torch
    >>> torch.distributions.InverseGamma(3., 4.).mean
    tensor(2.)
    """

    arg_constraints = takes(concentration=constraints.positive, rate=constraints.positive)
    support = constraints.positive
    has_rsample = True

    def __init__(
        self,
        concentration: Tensor | float,
        rate: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        inverse = PowerTransform(-base.rate.new_ones(()))
        super().__init__(base, inverse, validate_args=validate_args)

    concentration = formula(lambda d: d.base_dist.concentration)
    rate = formula(lambda d: d.base_dist.rate)
    mean = formula(_mean)
    mode = formula(lambda d: d.rate / (d.concentration + 1))
    variance = formula(_variance)

    def entropy(self) -> Any:
        """a + log(rate) + log Gamma(a) - (1 + a) digamma(a)."""
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
