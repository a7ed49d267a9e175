"""The Pareto distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#pareto
"""

from __future__ import annotations

from typing import Any

from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import formula, takes
from minigrad.distributions.exponential import Exponential
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import AffineTransform, ExpTransform
from minigrad.distributions.utils import broadcast_all

__all__ = ["Pareto"]


def _mean(d: Pareto) -> Tensor:
    """a scale / (a - 1); infinite for a up to 1."""
    a = d.alpha.clamp(min=1)
    return a * d.scale / (a - 1)


def _variance(d: Pareto) -> Tensor:
    """scale^2 a / ((a - 1)^2 (a - 2)); infinite for a up to 2."""
    a = d.alpha.clamp(min=2)
    return d.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))


class Pareto(TransformedDistribution):
    """Numbers from ``scale`` on whose tail falls off as a power: scale exp(x), x exponential.

    Formula: p(x) = alpha scale^alpha / x^(alpha + 1)

    >>> import minigrad as torch
    >>> torch.distributions.Pareto(1., 2.).mean
    tensor(2.)
    """

    arg_constraints = takes(alpha=constraints.positive, scale=constraints.positive)

    def __init__(
        self, scale: Tensor | float, alpha: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        transforms: list[Any] = [ExpTransform(), AffineTransform(loc=0, scale=self.scale)]
        super().__init__(base, transforms, validate_args=validate_args)

    mean = formula(_mean)
    mode = formula(lambda d: d.scale)
    variance = formula(_variance)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """From ``scale`` on."""
        return constraints.greater_than_eq(self.scale)

    def entropy(self) -> Any:
        """log(scale / alpha) + 1 + 1 / alpha."""
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())
