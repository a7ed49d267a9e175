"""The Kumaraswamy distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#kumaraswamy
"""

from __future__ import annotations

import math
from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import formula, takes
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import AffineTransform, PowerTransform
from minigrad.distributions.uniform import Uniform
from minigrad.distributions.utils import broadcast_all, euler_constant

__all__ = ["Kumaraswamy"]


def _moment(d: Kumaraswamy, n: int) -> Tensor:
    """The mean of x^n: b B(1 + n / a, b)."""
    a, b = 1 + n / d.concentration1, d.concentration0
    return b * torch.exp(torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b))


def _mode(d: Kumaraswamy) -> Tensor:
    """((1 - b) / (1 - a b))^(1/b), for a and b from one on."""
    a, b = d.concentration1, d.concentration0
    log_mode = b.reciprocal() * (-b).log1p() - (-b * a).log1p()
    return torch.where((b < 1) | (a < 1), math.nan, log_mode).exp()


class Kumaraswamy(TransformedDistribution):
    """Numbers of (0, 1) much like those of Beta, with a cdf that is simple.

    Formula: cdf(x) = 1 - (1 - x^a)^b, a = concentration1, b = concentration0

    >>> import minigrad as torch
    >>> torch.distributions.Kumaraswamy(1., 1.).mean
    tensor(0.5000)
    """

    arg_constraints = takes(
        concentration1=constraints.positive, concentration0=constraints.positive
    )
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        concentration1: Tensor | float,
        concentration0: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        a, b = broadcast_all(concentration1, concentration0)
        self.concentration1, self.concentration0 = a, b
        base = Uniform(torch.zeros_like(b), torch.ones_like(b), validate_args=validate_args)
        transforms: list[Any] = [
            PowerTransform(exponent=b.reciprocal()),
            AffineTransform(loc=1.0, scale=-1.0),
            PowerTransform(exponent=a.reciprocal()),
        ]
        super().__init__(base, transforms, validate_args=validate_args)

    mean = formula(lambda d: _moment(d, 1))
    mode = formula(_mode)
    variance = formula(lambda d: _moment(d, 2) - torch.pow(d.mean, 2))

    def entropy(self) -> Any:
        """1 - 1/b + (1 - 1/a) (digamma(b + 1) + Euler's constant) - log(a b)."""
        a, b = self.concentration1, self.concentration0
        harmonic = torch.digamma(b + 1) + euler_constant
        parts = (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic
        return parts - torch.log(a) - torch.log(b)
