"""The Weibull distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#weibull
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import formula, takes
from minigrad.distributions.exponential import Exponential
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import AffineTransform, PowerTransform
from minigrad.distributions.utils import broadcast_all, euler_constant

__all__ = ["Weibull"]


def _moment(d: Weibull, n: int) -> Tensor:
    """The mean of (x / scale)^n: Gamma(1 + n / concentration)."""
    return torch.exp(torch.lgamma(1 + n * d.concentration_reciprocal))


def _variance(d: Weibull) -> Tensor:
    """scale^2 (Gamma(1 + 2 / c) - Gamma(1 + 1 / c)^2)."""
    square = torch.exp(2 * torch.lgamma(1 + d.concentration_reciprocal))
    return d.scale.pow(2) * (_moment(d, 2) - square)


def _mode(d: Weibull) -> Tensor:
    """scale ((c - 1) / c)^(1 / c)."""
    c = d.concentration
    return d.scale * ((c - 1) / c) ** c.reciprocal()


class Weibull(TransformedDistribution):
    """Times until failure: scale x^(1 / concentration), x exponential.

    Formula: cdf(x) = 1 - exp(-(x / scale)^concentration)

    >>> import minigrad as torch
    >>> torch.distributions.Weibull(2., 1.).mean
    tensor(2.)
    """

    arg_constraints = takes(scale=constraints.positive, concentration=constraints.positive)
    support = constraints.positive

    def __init__(
        self,
        scale: Tensor | float,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(torch.ones_like(self.scale), validate_args=validate_args)
        super().__init__(base, self._steps(), validate_args=validate_args)

    def _steps(self) -> list[Any]:
        """From an exponential number to one of this distribution."""
        power = PowerTransform(exponent=self.concentration_reciprocal)
        return [power, AffineTransform(loc=0, scale=self.scale)]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions, repeated to a wider batch shape without copying."""
        new = super().expand(batch_shape, _instance)
        new.transforms = new._steps()
        return new

    mean = formula(lambda d: d.scale * _moment(d, 1))
    mode = formula(_mode)
    variance = formula(_variance)

    def entropy(self) -> Any:
        """Euler's constant (1 - 1/c) + log(scale / c) + 1."""
        inverse = self.concentration_reciprocal
        return euler_constant * (1 - inverse) + torch.log(self.scale * inverse) + 1
