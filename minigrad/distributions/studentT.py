"""Student's t-distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#studentt
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.chi2 import Chi2
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.utils import _standard_normal

__all__ = ["StudentT"]


def _variance(d: StudentT) -> Tensor:
    """scale^2 df / (df - 2); infinite for df in (1, 2], none below."""
    df = torch.where(d.df > 2, d.df, 3.0)
    infinite = torch.where(d.df > 1, math.inf, math.nan).to(d.df)
    return torch.where(d.df > 2, d.scale.pow(2) * df / (df - 2), infinite)


class StudentT(Distribution):
    """Normal numbers, divided by a deviation that is estimated with ``df`` degrees of freedom.

    Formula: p(x) = (1 + y^2 / df)^(-(df + 1)/2) / (scale sqrt(df) B(1/2, df/2)),
    y = (x - loc) / scale

    >>> import minigrad as torch
    >>> torch.distributions.StudentT(4.).variance
    tensor(2.)
    """

    arg_constraints = takes(
        df=constraints.positive,
        loc=constraints.real,
        scale=constraints.positive,
    )
    support = constraints.real
    has_rsample = True
    df: Tensor
    loc: Tensor
    scale: Tensor

    def __init__(
        self,
        df: Tensor | float,
        loc: Tensor | float = 0.0,
        scale: Tensor | float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        batch_shape = self._hold(df=df, loc=loc, scale=scale)
        self._chi2 = Chi2(self.df)
        super().__init__(batch_shape, validate_args=validate_args)

    mean = formula(lambda d: torch.where(d.df > 1, d.loc, math.nan))
    mode = formula(lambda d: d.loc)
    variance = formula(_variance)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """loc + scale z sqrt(df / c) for standard normal z and c of Chi2(df)."""
        z = _standard_normal(self._extended_shape(sample_shape), self.df.dtype, self.df.device)
        y = z * torch.rsqrt(self._chi2.rsample(sample_shape) / self.df)
        return self.loc + self.scale * y

    @checked
    def log_prob(self, value: Any) -> Any:
        """The logarithm of the formula above."""
        y = (value - self.loc) / self.scale
        normalizer = (
            self.scale.log()
            + 0.5 * self.df.log()
            + 0.5 * math.log(math.pi)
            + torch.lgamma(0.5 * self.df)
            - torch.lgamma(0.5 * (self.df + 1.0))
        )
        return -0.5 * (self.df + 1.0) * torch.log1p(y**2.0 / self.df) - normalizer

    def entropy(self) -> Any:
        """log(scale sqrt(df) B(1/2, df/2)) + (df+1)/2 (digamma((df+1)/2) - digamma(df/2))."""
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = torch.lgamma(half) + math.lgamma(0.5) - torch.lgamma(more)
        slopes = more * (torch.digamma(more) - torch.digamma(half))
        return self.scale.log() + slopes + 0.5 * self.df.log() + log_beta
