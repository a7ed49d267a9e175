"""The geometric distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#geometric
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.chances import Chances
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.utils import broadcast_all
from minigrad.nn.functional import binary_cross_entropy_with_logits

__all__ = ["Geometric"]


class Geometric(Chances, Distribution):
    """Numbers of failures before the first success of probability ``probs``.

    Formula: P(k) = (1 - probs)^k probs

    >>> import minigrad as torch
    >>> torch.distributions.Geometric(0.25).mean
    tensor(3.)
    """

    arg_constraints = takes(probs=constraints.unit_interval, logits=constraints.real)
    support = constraints.nonnegative_integer

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._keep_chances(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)
        if self._validate_args and probs is not None:
            value = self.probs
            valid = value > 0
            if not valid.all():
                raise ValueError(
                    "Expected parameter probs "
                    f"({type(value).__name__} of shape {tuple(value.shape)}) "
                    f"of distribution {self!r} "
                    f"to be positive but found invalid values:\n{value.data[~valid]}"
                )

    mean = formula(lambda d: 1.0 / d.probs - 1.0)
    mode = formula(lambda d: torch.zeros_like(d.probs))
    variance = formula(lambda d: (1.0 / d.probs - 1.0) / d.probs)

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """floor(log(u) / log(1 - probs)) for u of (0, 1)."""
        with torch.no_grad():
            u = self.probs.new(self._extended_shape(sample_shape))
            u.uniform_(torch.finfo(self.probs.dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    @checked
    def log_prob(self, value: Any) -> Any:
        """k log(1 - probs) + log(probs)."""
        value, probs = broadcast_all(value, self.probs)
        failing = torch.where((probs == 1) & (value == 0), 0.0, probs)
        return value * (-failing).log1p() + self.probs.log()

    def entropy(self) -> Any:
        """That of one trial, times the mean number of trials."""
        one = binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
        return one / self.probs
