"""The negative binomial distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#negativebinomial
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.chances import Chances
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.gamma import Gamma
from minigrad.distributions.utils import lazy_property
from minigrad.nn.functional import logsigmoid

__all__ = ["NegativeBinomial"]


class NegativeBinomial(Chances, Distribution):
    """Numbers of successes of probability ``probs`` before ``total_count`` failures.

    Formula: P(k) = Gamma(n + k) / (k! Gamma(n)) probs^k (1 - probs)^n, n = total_count

    >>> import minigrad as torch
    >>> torch.distributions.NegativeBinomial(3, torch.tensor([0.5])).mean
    tensor([3.])
    """

    arg_constraints = takes(
        total_count=constraints.greater_than_eq(0),
        probs=constraints.half_open_interval(0.0, 1.0),
        logits=constraints.real,
    )
    support = constraints.nonnegative_integer
    total_count: Tensor

    def __init__(
        self,
        total_count: Tensor | float,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._keep_chances(probs, logits, total_count)
        super().__init__(self._param.size(), validate_args=validate_args)

    mean = formula(lambda d: d.total_count * torch.exp(d.logits))
    mode = formula(lambda d: ((d.total_count - 1) * d.logits.exp()).floor().clamp(min=0.0))
    variance = formula(lambda d: d.mean / torch.sigmoid(-d.logits))

    @lazy_property
    def _gamma(self) -> Any:
        return Gamma(self.total_count, torch.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Poisson numbers whose rates are gamma numbers."""
        with torch.no_grad():
            return torch.poisson(self._gamma.sample(sample_shape=sample_shape))

    @checked
    def log_prob(self, value: Any) -> Any:
        """The logarithm of the formula above."""
        n, logits = self.total_count, self.logits
        chance = n * logsigmoid(-logits) + value * logsigmoid(logits)
        ways = -torch.lgamma(n + value) + torch.lgamma(1.0 + value) + torch.lgamma(n)
        return chance - ways.masked_fill(n + value == 0.0, 0.0)
