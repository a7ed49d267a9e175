"""The beta distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#beta
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.dirichlet import Dirichlet
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.exp_family import ExponentialFamily
from minigrad.distributions.utils import broadcast_all

__all__ = ["Beta"]


def _variance(d: Beta) -> Any:
    """a b / ((a + b)^2 (a + b + 1))."""
    total: Tensor = d.concentration1 + d.concentration0
    return d.concentration1 * d.concentration0 / (total.pow(2) * (total + 1))


class Beta(ExponentialFamily):
    """Shares of one of two categories: the first number of a Dirichlet distribution.

    Formula: p(x) = x^(a - 1) (1 - x)^(b - 1) / B(a, b), a = concentration1, b = concentration0

    >>> import minigrad as torch
    >>> torch.distributions.Beta(1., 3.).mean
    tensor(0.2500)
    """

    arg_constraints = takes(
        concentration1=constraints.positive,
        concentration0=constraints.positive,
    )
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        concentration1: Tensor | float,
        concentration0: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        if isinstance(concentration1, Number) and isinstance(concentration0, Number):
            both = torch.tensor([float(concentration1), float(concentration0)])
        else:
            both = torch.stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(both, validate_args=validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    concentration1 = formula(lambda d: d._dirichlet.concentration[..., 0])
    concentration0 = formula(lambda d: d._dirichlet.concentration[..., 1])
    mean = formula(lambda d: d.concentration1 / (d.concentration1 + d.concentration0))
    mode = formula(lambda d: d._dirichlet.mode[..., 0])
    variance = formula(_variance)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The first of two shares."""
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    @checked
    def log_prob(self, value: Any) -> Any:
        """(a - 1) log(x) + (b - 1) log(1 - x) - log B(a, b)."""
        return self._dirichlet.log_prob(torch.stack([value, 1.0 - value], -1))

    def entropy(self) -> Any:
        """That of the two shares."""
        return self._dirichlet.entropy()

    @property
    def _natural_params(self) -> Any:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        return torch.lgamma(x) + torch.lgamma(y) - torch.lgamma(x + y)
