"""The Laplace distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#laplace
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, checked, formula, takes

__all__ = ["Laplace"]


class Laplace(Distribution):
    """Numbers that fall off exponentially on both sides of ``loc``.

    Formula: p(x) = exp(-|x - loc| / scale) / (2 scale)

    >>> import minigrad as torch
    >>> torch.distributions.Laplace(0., 1.).cdf(torch.tensor([-1., 0., 1.]))
    tensor([0.1839, 0.5000, 0.8161])
    """

    arg_constraints = takes(loc=constraints.real, scale=constraints.positive)
    support = constraints.real
    has_rsample = True
    loc: Tensor
    scale: Tensor

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self._keep(validate_args, loc=loc, scale=scale)

    mean = mode = formula(lambda d: d.loc)
    variance = formula(lambda d: 2 * d.scale.pow(2))
    stddev = formula(lambda d: 2**0.5 * d.scale)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The quantile of a uniform number."""
        u = self.loc.new(self._extended_shape(sample_shape))
        u.uniform_(torch.finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * u.sign() * torch.log1p(-u.abs())

    @checked
    def log_prob(self, value: Any) -> Any:
        """-log(2 scale) - |x - loc| / scale."""
        return -torch.log(2 * self.scale) - torch.abs(value - self.loc) / self.scale

    @checked
    def cdf(self, value: Any) -> Any:
        """(1 + sign(x - loc) (1 - exp(-|x - loc| / scale))) / 2."""
        away = value - self.loc
        return 0.5 - 0.5 * away.sign() * torch.expm1(-away.abs() / self.scale)

    def icdf(self, value: Any) -> Any:
        """loc - scale sign(p - 1/2) log(1 - 2 |p - 1/2|)."""
        away = value - 0.5
        return self.loc - self.scale * away.sign() * torch.log1p(-2 * away.abs())

    def entropy(self) -> Any:
        """1 + log(2 scale)."""
        return 1 + torch.log(2 * self.scale)
