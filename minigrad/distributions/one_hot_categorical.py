"""Categories as vectors with a single one.

Source: https://docs.pytorch.org/docs/stable/distributions.html#onehotcategorical
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
from minigrad.nn.functional import one_hot

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(OverCategories, Distribution):
    """The numbers of Categorical(probs, logits) as vectors of K - 1 zeros and a one.

    Shapes: probs or logits (..., K); events (K,)

    >>> import minigrad as torch
    >>> torch.distributions.OneHotCategorical(torch.tensor([0., 1.])).sample()
    tensor([0., 1.])
    """

    arg_constraints = takes(probs=constraints.simplex, logits=constraints.real_vector)
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._categorical = Categorical(probs, logits)
        event_shape = self.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, event_shape, validate_args=validate_args)

    mean = formula(lambda d: d.probs)
    mode = formula(lambda d: one_hot(d.probs.argmax(dim=-1), d.probs.shape[-1]).to(d.probs))
    variance = formula(lambda d: d.probs * (1 - d.probs))

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw vectors."""
        drawn = self._categorical.sample(sample_shape)
        return one_hot(drawn, self._categorical._num_events).to(self.probs)

    @checked
    def log_prob(self, value: Any) -> Any:
        """log probs_k for the place k of the one."""
        return self._categorical.log_prob(value.max(-1)[1])

    def entropy(self) -> Any:
        """-sum(probs log(probs))."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Any:
        """The rows of the identity."""
        n = self.event_shape[0]
        values = torch.eye(n, dtype=self._param.dtype, device=self._param.device)
        values = values.view((n,) + (1,) * len(self.batch_shape) + (n,))
        return values.expand((n, *self.batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """OneHotCategorical whose samples have the gradient of ``probs``.

    Source: Y. Bengio, N. Leonard and A. Courville, https://arxiv.org/abs/1308.3432

    >>> import minigrad as torch
    >>> p = torch.tensor([0.25, 0.75], requires_grad=True)
    >>> torch.distributions.OneHotCategoricalStraightThrough(p).rsample()[0].backward()
    >>> p.grad
    tensor([ 0.7500, -0.2500])
    """

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """A sample plus probs - probs.detach()."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
