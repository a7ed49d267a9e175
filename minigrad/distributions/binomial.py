"""The binomial distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#binomial
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.chances import Chances
from minigrad.distributions.distribution import Distribution, checked, formula, takes

__all__ = ["Binomial"]


def _positive_part(x: Tensor) -> Tensor:
    """max(x, 0), with the derivative 1/2 at 0."""
    return (x.clamp(min=0) + x - x.clamp(max=0)) / 2


class Binomial(Chances, Distribution):
    """Numbers of successes in ``total_count`` trials of probability ``probs``.

    Formula: P(k) = n! / (k! (n - k)!) probs^k (1 - probs)^(n - k), n = total_count

    >>> import minigrad as torch
    >>> torch.distributions.Binomial(4, torch.tensor([0.5])).variance
    tensor([1.])
    """

    arg_constraints = takes(
        total_count=constraints.nonnegative_integer,
        probs=constraints.unit_interval,
        logits=constraints.real,
    )
    has_enumerate_support = True
    total_count: Tensor

    def __init__(
        self,
        total_count: Tensor | int = 1,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._keep_chances(probs, logits, total_count)
        super().__init__(self._param.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """From 0 to ``total_count``."""
        return constraints.integer_interval(0, self.total_count)

    mean = formula(lambda d: d.total_count * d.probs)
    mode = formula(lambda d: ((d.total_count + 1) * d.probs).floor().clamp(max=d.total_count))
    variance = formula(lambda d: d.total_count * d.probs * (1 - d.probs))

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw counts."""
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            return torch.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    @checked
    def log_prob(self, value: Any) -> Any:
        """The logarithm of the formula above."""
        n, logits = self.total_count, self.logits
        rest = torch.log1p(torch.exp(-torch.abs(logits)))
        normalizer = n * _positive_part(logits) + n * rest - torch.lgamma(n + 1)
        ways = torch.lgamma(value + 1), torch.lgamma(n - value + 1)
        return value * logits - ways[0] - ways[1] - normalizer

    def _single_count(self, method: str) -> int:
        """The number of trials, if it is one for the whole batch."""
        count = int(self.total_count.max())
        if not self.total_count.min() == count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{method}`.")
        return count

    def entropy(self) -> Any:
        """-sum(P(k) log P(k)) over all counts."""
        self._single_count("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(torch.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        """All counts."""
        count = self._single_count("enumerate_support")
        values = torch.arange(1 + count, dtype=self._param.dtype, device=self._param.device)
        return self._counted(values, expand)
