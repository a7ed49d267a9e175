"""The log-normal distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#lognormal
"""

from __future__ import annotations

from typing import Any

from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import formula, takes
from minigrad.distributions.normal import Normal
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import ExpTransform

__all__ = ["LogNormal"]


class LogNormal(TransformedDistribution):
    """Numbers whose logarithms are normal: exp(x) for x of Normal(loc, scale).

    >>> import minigrad as torch
    >>> torch.distributions.LogNormal(0., 1.).mean
    tensor(1.6487)
    """

    arg_constraints = takes(loc=constraints.real, scale=constraints.positive)
    support = constraints.positive
    has_rsample = True

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    loc = formula(lambda d: d.base_dist.loc)
    scale = formula(lambda d: d.base_dist.scale)
    mean = formula(lambda d: (d.loc + d.scale.pow(2) / 2).exp())
    mode = formula(lambda d: (d.loc - d.scale.square()).exp())
    variance = formula(lambda d: d.scale.pow(2).expm1() * (2 * d.loc + d.scale.pow(2)).exp())

    def entropy(self) -> Any:
        """That of the normal distribution, and loc."""
        return self.base_dist.entropy() + self.loc
