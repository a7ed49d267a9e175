"""The Gumbel distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#gumbel
"""

from __future__ import annotations

import math
from numbers import Number
from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import AffineTransform, ExpTransform
from minigrad.distributions.uniform import Uniform
from minigrad.distributions.utils import broadcast_all, euler_constant

__all__ = ["Gumbel"]


class Gumbel(TransformedDistribution):
    """The greatest of many numbers: loc - scale log(-log(u)) for u of [0, 1).

    Formula: p(x) = exp(y - exp(y)) / scale, y = (loc - x) / scale

    >>> import minigrad as torch
    >>> torch.distributions.Gumbel(0., 1.).mean
    tensor(0.5772)
    """

    arg_constraints = takes(loc=constraints.real, scale=constraints.positive)
    support = constraints.real

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        limits = torch.finfo(self.loc.dtype)
        low: Any = limits.tiny
        high: Any = 1 - limits.eps
        if not (isinstance(loc, Number) and isinstance(scale, Number)):
            low, high = torch.full_like(self.loc, low), torch.full_like(self.loc, high)
        transforms: list[Any] = [
            ExpTransform().inv,
            AffineTransform(loc=0, scale=-torch.ones_like(self.scale)),
            ExpTransform().inv,
            AffineTransform(loc=loc, scale=-self.scale),
        ]
        base = Uniform(low, high, validate_args=validate_args)
        super().__init__(base, transforms, validate_args=validate_args)

    mean = formula(lambda d: d.loc + d.scale * euler_constant)
    mode = formula(lambda d: d.loc)
    stddev = formula(lambda d: (math.pi / math.sqrt(6)) * d.scale)
    variance = formula(lambda d: d.stddev.pow(2))

    @checked
    def log_prob(self, value: Any) -> Any:
        """y - exp(y) - log(scale)."""
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    def entropy(self) -> Any:
        """log(scale) + 1 + Euler's constant."""
        return self.scale.log() + (1 + euler_constant)
