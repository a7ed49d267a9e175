"""The multinomial distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#multinomial
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.binomial import Binomial
from minigrad.distributions.categorical import Categorical
from minigrad.distributions.chances import OverCategories
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.utils import broadcast_all

__all__ = ["Multinomial"]


class Multinomial(OverCategories, Distribution):
    """How often each of K categories comes in ``total_count`` draws.

    Formula: P(x) = n! / prod(x_i!) prod(probs_i^x_i)

    Shapes: probs or logits (..., K); events (K,)

    >>> import minigrad as torch
    >>> torch.distributions.Multinomial(4, torch.tensor([1., 3.])).mean
    tensor([1., 3.])
    """

    arg_constraints = takes(probs=constraints.simplex, logits=constraints.real_vector)
    total_count: int

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        self._binomial = Binomial(total_count=total_count, probs=self.probs)
        event_shape = self.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, event_shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        """Counts of at most ``total_count`` in all."""
        return constraints.multinomial(self.total_count)

    mean = formula(lambda d: d.probs * d.total_count)
    variance = formula(lambda d: d.total_count * d.probs * (1 - d.probs))

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw counts."""
        drawn = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
        counts = torch.zeros(self._extended_shape(sample_shape), dtype=drawn.dtype)
        counts.scatter_add_(-1, drawn, torch.ones_like(drawn))
        return counts.type_as(self.probs)

    def entropy(self) -> Any:
        """n times that of one draw, less log n!, plus the means of log x_i!."""
        n = torch.tensor(self.total_count)
        draws = n * self._categorical.entropy() - torch.lgamma(n + 1)
        support = self._binomial.enumerate_support(expand=False)[1:]
        weights = torch.exp(self._binomial.log_prob(support)) * torch.lgamma(support + 1)
        return draws + weights.sum([0, -1])

    @checked
    def log_prob(self, value: Any) -> Any:
        """The logarithm of the formula above, n being the sum of the counts."""
        logits, value = broadcast_all(self.logits, value)
        never = (value == 0) & (logits == -math.inf)
        powers = (torch.where(never, 0.0, logits) * value).sum(-1)
        ways = torch.lgamma(value.sum(-1) + 1) - torch.lgamma(value + 1).sum(-1)
        return ways + powers
