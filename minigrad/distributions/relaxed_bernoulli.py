"""Bernoulli numbers that can be differentiated.

Source: https://docs.pytorch.org/docs/stable/distributions.html#relaxedbernoulli
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.chances import Chances
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import SigmoidTransform
from minigrad.distributions.utils import broadcast_all, clamp_probs

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(Chances, Distribution):
    """The logits of RelaxedBernoulli: (logits + log(u) - log(1 - u)) / temperature.

    Source: C. Maddison, A. Mnih and Y. W. Teh, https://arxiv.org/abs/1611.00712

    >>> import minigrad as torch
    >>> from minigrad.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
    >>> LogitRelaxedBernoulli(torch.tensor(1.), logits=0.).log_prob(torch.tensor(0.))
    tensor(-1.3863)
    """

    arg_constraints = takes(probs=constraints.unit_interval, logits=constraints.real)
    support = constraints.real
    _unbatched = frozenset({"temperature"})

    def __init__(
        self,
        temperature: Tensor,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        self._keep_chances(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The formula above for u of (0, 1)."""
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(torch.rand(shape, dtype=probs.dtype, device=probs.device))
        odds = u.log() - (-u).log1p() + probs.log() - (-probs).log1p()
        return odds / self.temperature

    @checked
    def log_prob(self, value: Any) -> Any:
        """log(t) + d - 2 log(1 + exp(d)), d = logits - t x, t = temperature."""
        logits, value = broadcast_all(self.logits, value)
        d = logits - value.mul(self.temperature)
        return self.temperature.log() + d - 2 * d.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Numbers of (0, 1) that go to those of Bernoulli as the temperature goes to 0.

    Formula: sigmoid(x) for x of LogitRelaxedBernoulli(temperature, probs, logits)

    Source: C. Maddison, A. Mnih and Y. W. Teh, https://arxiv.org/abs/1611.00712

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.distributions.RelaxedBernoulli(torch.tensor(0.5), torch.tensor([0.1, 0.9])).sample()
    tensor([0.0118, 0.9989])
    """

    arg_constraints = takes(probs=constraints.unit_interval, logits=constraints.real)
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        temperature: Tensor,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    temperature = formula(lambda d: d.base_dist.temperature)
    logits = formula(lambda d: d.base_dist.logits)
    probs = formula(lambda d: d.base_dist.probs)
