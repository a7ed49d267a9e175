"""The chi-squared distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#chi2
"""

from __future__ import annotations

from minigrad import Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import formula, takes
from minigrad.distributions.gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """Sums of the squares of ``df`` standard normal numbers: Gamma(df / 2, 1 / 2).

    Formula: p(x) = x^(df/2 - 1) exp(-x / 2) / (2^(df/2) Gamma(df / 2))

    >>> import minigrad as torch
    >>> torch.distributions.Chi2(3.).mean
    tensor(3.)
    """

    arg_constraints = takes(df=constraints.positive)

    def __init__(self, df: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    df = formula(lambda d: d.concentration * 2)
