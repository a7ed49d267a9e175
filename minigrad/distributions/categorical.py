"""The categorical distribution.

Source: https://docs.pytorch.org/docs/stable/distributions.html#categorical
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.chances import Chances, either
from minigrad.distributions.distribution import Distribution, checked, formula, takes

__all__ = ["Categorical"]


class Categorical(Chances, Distribution):
    """One of the numbers 0 to K - 1, with the probabilities ``probs`` or softmax(logits).

    Probabilities are divided by their sum, logits lowered by their logsumexp.

    Formula: P(k) = probs_k

    Shapes: probs or logits (..., K); events ()

    Raises: ValueError for both parameters or none, or a parameter without dimensions.

    >>> import minigrad as torch
    >>> d = torch.distributions.Categorical(torch.tensor([1., 1., 2.]))
    >>> d.log_prob(torch.tensor(2)).exp(), d.entropy()
    (tensor(0.5000), tensor(1.0397))
    """

    arg_constraints = takes(probs=constraints.simplex, logits=constraints.real_vector)
    has_enumerate_support = True
    _is_binary = False

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._given = either(probs, logits)
        for name, value in (("probs", probs), ("logits", logits)):
            if value is not None and value.dim() < 1:
                raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        elif logits is not None:
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._num_events = self._param.size()[-1]
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """From 0 to K - 1."""
        return constraints.integer_interval(0, self._num_events - 1)

    mean = variance = formula(lambda d: d._filled(math.nan, d.probs))
    mode = formula(lambda d: d.probs.argmax(dim=-1))

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """Draw numbers of categories."""
        sample_shape = Size(sample_shape)
        rows = self.probs.reshape(-1, self._num_events)
        drawn = torch.multinomial(rows, sample_shape.numel(), True).T
        return drawn.reshape(self._extended_shape(sample_shape))

    @checked
    def log_prob(self, value: Any) -> Any:
        """log probs_k."""
        places, logits = torch.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, places[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        """-sum(probs log(probs))."""
        finite = torch.clamp(self.logits, min=torch.finfo(self.logits.dtype).min)
        return -(finite * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        """0 to K - 1."""
        return self._counted(torch.arange(self._num_events, device=self._param.device), expand)
