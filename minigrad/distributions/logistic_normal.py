"""The logistic-normal distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#logisticnormal
"""

from __future__ import annotations

from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, formula, takes
from minigrad.distributions.normal import Normal
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Shares of K + 1 categories, broken off by K normal numbers (StickBreakingTransform).

    >>> import minigrad as torch
    >>> torch.distributions.LogisticNormal(torch.zeros(3), torch.ones(3)).event_shape
    torch.Size([4])
    """

    arg_constraints = takes(loc=constraints.real, scale=constraints.positive)
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        base: Distribution = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    loc = formula(lambda d: d.base_dist.base_dist.loc)
    scale = formula(lambda d: d.base_dist.base_dist.scale)
