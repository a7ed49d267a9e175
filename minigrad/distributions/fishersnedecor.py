"""The F-distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#fishersnedecor
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.gamma import Gamma

__all__ = ["FisherSnedecor"]


def _mean(d: FisherSnedecor) -> Tensor:
    """df2 / (df2 - 2), for df2 above 2."""
    df2 = torch.where(d.df2 > 2, d.df2, math.nan)
    return df2 / (df2 - 2)


def _mode(d: FisherSnedecor) -> Tensor:
    """(df1 - 2) / df1 df2 / (df2 + 2), for df1 above 2."""
    return torch.where(d.df1 > 2, (d.df1 - 2) / d.df1 * d.df2 / (d.df2 + 2), math.nan)


def _variance(d: FisherSnedecor) -> Tensor:
    """2 df2^2 (df1 + df2 - 2) / (df1 (df2 - 2)^2 (df2 - 4)), for df2 above 4."""
    df2 = torch.where(d.df2 > 4, d.df2, math.nan)
    return 2 * df2.pow(2) * (d.df1 + df2 - 2) / (d.df1 * (df2 - 2).pow(2) * (df2 - 4))


class FisherSnedecor(Distribution):
    """Ratios of two mean squares, of df1 and df2 standard normal numbers: Chi2 / df each.

    Formula: p(x) = r^(df1/2) x^(df1/2 - 1) (1 + r x)^(-(df1+df2)/2) / B(df1/2, df2/2),
    r = df1 / df2

    >>> import minigrad as torch
    >>> torch.distributions.FisherSnedecor(2., 4.).mean
    tensor(2.)
    """

    arg_constraints = takes(df1=constraints.positive, df2=constraints.positive)
    support = constraints.positive
    has_rsample = True
    df1: Tensor
    df2: Tensor

    def __init__(
        self, df1: Tensor | float, df2: Tensor | float, validate_args: bool | None = None
    ) -> None:
        batch_shape = self._hold(df1=df1, df2=df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2)
        super().__init__(batch_shape, validate_args=validate_args)

    mean = formula(_mean)
    mode = formula(_mode)
    variance = formula(_variance)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The ratio of two gamma samples."""
        tiny = torch.finfo(self.df1.dtype).tiny
        above = self._gamma1.rsample(sample_shape)
        below = self._gamma2.rsample(sample_shape).clamp(min=tiny)
        return (above / below).clamp(min=tiny)

    @checked
    def log_prob(self, value: Any) -> Any:
        """The logarithm of the formula above."""
        half1, half2, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        beta = (half1 + half2).lgamma() - half1.lgamma() - half2.lgamma()
        powers = half1 * ratio.log() + (half1 - 1) * torch.log(value)
        return beta + powers - (half1 + half2) * torch.log1p(ratio * value)
