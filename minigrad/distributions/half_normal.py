"""The normal distribution without signs.

Source: https://docs.pytorch.org/docs/stable/distributions.html#halfnormal
"""

from __future__ import annotations

import math
from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.normal import Normal
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import AbsTransform

__all__ = ["HalfNormal"]


class HalfNormal(TransformedDistribution):
    """|x| for x of Normal(0, scale).

    Formula: twice the density of Normal(0, scale)

    >>> import minigrad as torch
    >>> torch.distributions.HalfNormal(1.).variance
    tensor(0.3634)
    """

    arg_constraints = takes(scale=constraints.positive)
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, scale: Tensor | float, validate_args: bool | None = None) -> None:
        base = Normal(0, scale, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    scale = formula(lambda d: d.base_dist.scale)
    mean = formula(lambda d: d.scale * math.sqrt(2 / math.pi))
    mode = formula(lambda d: torch.zeros_like(d.scale))
    variance = formula(lambda d: d.scale.pow(2) * (1 - 2 / math.pi))

    @checked
    def log_prob(self, value: Any) -> Any:
        """log 2 more than the base's; -inf for negative numbers."""
        log_prob = self.base_dist.log_prob(value) + math.log(2)
        return torch.where(value >= 0, log_prob, -math.inf)

    @checked
    def cdf(self, value: Any) -> Any:
        """2 cdf(x) - 1 with the base's cdf."""
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, prob: Any) -> Any:
        """The base's quantile of (p + 1) / 2."""
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self) -> Any:
        """log 2 less than the base's."""
        return self.base_dist.entropy() - math.log(2)
