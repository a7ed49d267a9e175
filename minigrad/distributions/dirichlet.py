"""The Dirichlet distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#dirichlet
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.exp_family import ExponentialFamily
from minigrad.distributions.pathwise import sample_dirichlet
from minigrad.nn.functional import one_hot

__all__ = ["Dirichlet"]


def _variance(d: Dirichlet) -> Tensor:
    """a (A - a) / (A^2 (A + 1)) for the sum A."""
    total = d.concentration.sum(-1, True)
    return d.concentration * (total - d.concentration) / (total.pow(2) * (total + 1))


def _mode(d: Dirichlet) -> Tensor:
    """(a - 1) / sum(a - 1), no part negative; a corner if all a are below 1."""
    parts = (d.concentration - 1).clamp(min=0.0)
    shares = parts / parts.sum(-1, True)
    corners = one_hot(shares.argmax(dim=-1), parts.shape[-1]).to(shares)
    return torch.where((d.concentration < 1).all(dim=-1, keepdim=True), corners, shares)


class Dirichlet(ExponentialFamily):
    """Shares of a whole: the numbers of K categories, which sum to one.

    Formula: p(x) = prod(x_i^(a_i - 1)) Gamma(sum(a)) / prod(Gamma(a_i)), a = concentration

    Shapes: concentration (..., K); events (K,)

    >>> import minigrad as torch
    >>> torch.distributions.Dirichlet(torch.tensor([1., 3.])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = takes(concentration=constraints.independent(constraints.positive, 1))
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    mean = formula(lambda d: d.concentration / d.concentration.sum(-1, True))
    mode = formula(_mode)
    variance = formula(_variance)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Gamma samples, divided by their sum; the gradient keeps the quantiles."""
        return sample_dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    @checked
    def log_prob(self, value: Any) -> Any:
        """The logarithm of the formula above."""
        return (
            torch.xlogy(self.concentration - 1.0, value).sum(-1)
            + torch.lgamma(self.concentration.sum(-1))
            - torch.lgamma(self.concentration).sum(-1)
        )

    def entropy(self) -> Any:
        """log B(a) + (A - K) digamma(A) - sum((a - 1) digamma(a)) for the sum A."""
        a, count = self.concentration, self.concentration.size(-1)
        total = a.sum(-1)
        return (
            torch.lgamma(a).sum(-1)
            - torch.lgamma(total)
            - (count - total) * torch.digamma(total)
            - ((a - 1.0) * torch.digamma(a)).sum(-1)
        )

    @property
    def _natural_params(self) -> Any:
        return (self.concentration,)

    def _log_normalizer(self, x: Any) -> Any:
        return x.lgamma().sum(-1) - torch.lgamma(x.sum(-1))
