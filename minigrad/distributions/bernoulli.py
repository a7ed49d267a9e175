"""The Bernoulli distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#bernoulli
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.chances import Chances
from minigrad.distributions.distribution import checked, formula, takes
from minigrad.distributions.exp_family import ExponentialFamily
from minigrad.distributions.utils import broadcast_all
from minigrad.nn.functional import binary_cross_entropy_with_logits

__all__ = ["Bernoulli"]


def _mode(d: Bernoulli) -> Tensor:
    """The likelier of 0 and 1; none if both are as likely."""
    return torch.where(d.probs == 0.5, math.nan, (d.probs >= 0.5).to(d.probs))


class Bernoulli(Chances, ExponentialFamily):
    """1 with the probability ``probs``, or 1 / (1 + exp(-logits)), and else 0.

    Formula: P(k) = probs^k (1 - probs)^(1 - k)

    >>> import minigrad as torch
    >>> torch.distributions.Bernoulli(torch.tensor([0.2])).log_prob(torch.tensor([1.])).exp()
    tensor([0.2000])
    """

    arg_constraints = takes(probs=constraints.unit_interval, logits=constraints.real)
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._keep_chances(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    mean = formula(lambda d: d.probs)
    mode = formula(_mode)
    variance = formula(lambda d: d.probs * (1 - d.probs))

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw zeros and ones."""
        with torch.no_grad():
            return torch.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    @checked
    def log_prob(self, value: Any) -> Any:
        """k log(probs) + (1 - k) log(1 - probs)."""
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Any:
        """-probs log(probs) - (1 - probs) log(1 - probs)."""
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Any:
        """0 and 1."""
        values = torch.arange(2, dtype=self._param.dtype, device=self._param.device)
        return self._counted(values, expand)

    @property
    def _natural_params(self) -> Any:
        return (torch.logit(self.probs),)

    def _log_normalizer(self, x: Any) -> Any:
        return torch.log1p(torch.exp(x))
