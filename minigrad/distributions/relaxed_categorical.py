"""One-hot categories that can be differentiated.

Source: https://docs.pytorch.org/docs/stable/distributions.html#relaxedonehotcategorical
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.categorical import Categorical
from minigrad.distributions.chances import OverCategories
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.transformed_distribution import TransformedDistribution
from minigrad.distributions.transforms import ExpTransform
from minigrad.distributions.utils import broadcast_all, clamp_probs

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(OverCategories, Distribution):
    """The logarithms of RelaxedOneHotCategorical: log_softmax((logits + gumbels) / temperature).

    Source: C. Maddison, A. Mnih and Y. W. Teh, https://arxiv.org/abs/1611.00712

    >>> import minigrad as torch
    >>> from minigrad.distributions.relaxed_categorical import ExpRelaxedCategorical
    >>> ExpRelaxedCategorical(torch.tensor(1.), torch.ones(3)).rsample().exp().sum()
    tensor(1.)
    """

    arg_constraints = takes(probs=constraints.simplex, logits=constraints.real_vector)
    support = constraints.real_vector  # the true support lies in it, with no volume
    has_rsample = True
    _unbatched = frozenset({"temperature"})

    def __init__(
        self,
        temperature: Tensor,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        event_shape = self.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, event_shape, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The formula above, gumbels being -log(-log(u)) for u of (0, 1)."""
        shape, logits = self._extended_shape(sample_shape), self.logits
        u = clamp_probs(torch.rand(shape, dtype=logits.dtype, device=logits.device))
        scores = (logits - (-(u.log())).log()) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    @checked
    def log_prob(self, value: Any) -> Any:
        """log((K - 1)! t^(K - 1)) + sum(log_softmax(logits - t x)), t = temperature."""
        count = self._categorical._num_events
        logits, value = broadcast_all(self.logits, value)
        factor = torch.full_like(self.temperature, float(count)).lgamma()
        factor = factor - self.temperature.log().mul(-(count - 1))
        score = logits - value.mul(self.temperature)
        return (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + factor


class RelaxedOneHotCategorical(TransformedDistribution):
    """Shares that go to the vectors of OneHotCategorical as the temperature goes to 0.

    Formula: exp(x) for x of ExpRelaxedCategorical(temperature, probs, logits)

    Source: C. Maddison, A. Mnih and Y. W. Teh, https://arxiv.org/abs/1611.00712

    >>> import minigrad as torch
    >>> d = torch.distributions.RelaxedOneHotCategorical(torch.tensor(2.), torch.ones(3))
    >>> d.rsample().shape, d.event_shape
    (torch.Size([3]), torch.Size([3]))
    """

    arg_constraints = takes(probs=constraints.simplex, logits=constraints.real_vector)
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self,
        temperature: Tensor,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    temperature = formula(lambda d: d.base_dist.temperature)
    logits = formula(lambda d: d.base_dist.logits)
    probs = formula(lambda d: d.base_dist.probs)
