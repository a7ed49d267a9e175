"""The continuous Bernoulli distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#continuousbernoulli
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
from minigrad.distributions.utils import (
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
)
from minigrad.nn.functional import binary_cross_entropy_with_logits

__all__ = ["ContinuousBernoulli"]


def _stable(d: ContinuousBernoulli, curve: Any, series: Any) -> Tensor:
    """A formula of the probability; near 1/2, where it breaks down, its series in p - 1/2."""
    return torch.where(d._outside(), curve(d._cut_probs()), series(d.probs - 0.5))


def _log_norm(d: ContinuousBernoulli) -> Tensor:
    """log(2 atanh(1 - 2 p) / (1 - 2 p))."""

    def curve(p: Tensor) -> Tensor:
        below = torch.log1p(-2.0 * torch.where(p <= 0.5, p, 0.0))
        above = torch.log(2.0 * torch.where(p >= 0.5, p, 1.0) - 1.0)
        logs = torch.log(torch.abs(torch.log1p(-p) - torch.log(p)))
        return logs - torch.where(p <= 0.5, below, above)

    return _stable(
        d, curve, lambda x: math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x.pow(2)) * x.pow(2)
    )


def _mean(d: ContinuousBernoulli) -> Tensor:
    """p / (2 p - 1) + 1 / (2 atanh(1 - 2 p))."""
    return _stable(
        d,
        lambda p: p / (2.0 * p - 1.0) + 1.0 / (torch.log1p(-p) - torch.log(p)),
        lambda x: 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x,
    )


def _variance(d: ContinuousBernoulli) -> Tensor:
    """p (p - 1) / (1 - 2 p)^2 + 1 / (2 atanh(1 - 2 p))^2."""

    def curve(p: Tensor) -> Tensor:
        odds = torch.log1p(-p) - torch.log(p)
        return p * (p - 1.0) / torch.pow(1.0 - 2.0 * p, 2) + 1.0 / torch.pow(odds, 2)

    return _stable(
        d, curve, lambda x: 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x.pow(2)) * x.pow(2)
    )


class ContinuousBernoulli(Chances, ExponentialFamily):
    """Numbers of [0, 1] whose density is that of a Bernoulli distribution, normalised.

    Formula: p(x) = C(probs) probs^x (1 - probs)^(1 - x), C = 2 atanh(1 - 2 probs) / (1 - 2 probs)

    Between the two ``lims`` around 1/2 a series stands for what breaks down there.

    >>> import minigrad as torch
    >>> torch.distributions.ContinuousBernoulli(torch.tensor([0.5])).mean
    tensor([0.5000])
    """

    arg_constraints = takes(probs=constraints.unit_interval, logits=constraints.real)
    support = constraints.unit_interval
    _mean_carrier_measure = 0
    has_rsample = True

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._keep_chances(probs, logits)
        if probs is not None:
            if validate_args is not None and not constraints.unit_interval.check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.size(), validate_args=validate_args)

    @lazy_property
    def probs(self) -> Any:
        """The probabilities, kept away from 0 and 1."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _outside(self) -> Tensor:
        """Where the probability is not near 1/2."""
        low, high = self._lims
        outside: Tensor = (self.probs <= low) | (self.probs > high)
        return outside

    def _cut_probs(self) -> Tensor:
        """The probabilities, none of them near 1/2."""
        return torch.where(self._outside(), self.probs, self._lims[0])

    _cont_bern_log_norm = _log_norm
    mean = formula(_mean)
    variance = formula(_variance)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The quantile of a uniform number."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The same, without gradients."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    @checked
    def log_prob(self, value: Any) -> Any:
        """x log(probs) + (1 - x) log(1 - probs) + log C."""
        logits, value = broadcast_all(self.logits, value)
        cross = binary_cross_entropy_with_logits(logits, value, reduction="none")
        return -cross + self._cont_bern_log_norm()

    @checked
    def cdf(self, value: Any) -> Any:
        """(p^x (1 - p)^(1 - x) + p - 1) / (2 p - 1)."""
        p = self._cut_probs()
        powers = torch.pow(p, value) * torch.pow(1.0 - p, 1.0 - value)
        inside = torch.where(self._outside(), (powers + p - 1.0) / (2.0 * p - 1.0), value)
        below = torch.where(value >= 1.0, torch.ones_like(value), inside)
        return torch.where(value <= 0.0, torch.zeros_like(value), below)

    def icdf(self, value: Any) -> Any:
        """The x of which that is the cdf."""
        p = self._cut_probs()
        rest = torch.log1p(-p)
        curve = (torch.log1p(-p + value * (2.0 * p - 1.0)) - rest) / (torch.log(p) - rest)
        return torch.where(self._outside(), curve, value)

    def entropy(self) -> Any:
        """mean (log(1 - p) - log(p)) - log C - log(1 - p)."""
        log0, log1 = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (log0 - log1) - self._cont_bern_log_norm() - log0

    @property
    def _natural_params(self) -> Any:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Any:
        low, high = self._lims[0] - 0.5, self._lims[1] - 0.5
        outside = (x <= low) | (x > high)
        cut = torch.where(outside, x, low)
        curve = torch.log(torch.abs(torch.special.expm1(cut))) - torch.log(torch.abs(cut))
        series = 0.5 * x + torch.pow(x, 2) / 24.0 - torch.pow(x, 4) / 2880.0
        return torch.where(outside, curve, series)
