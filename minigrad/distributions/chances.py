"""Chances of two or more outcomes, given as probabilities or as logits.

Source: https://docs.pytorch.org/docs/stable/distributions.html#distribution
"""

from __future__ import annotations

from typing import Any

from minigrad import Tensor
from minigrad.distributions.utils import (
    broadcast_all,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["Chances", "OverCategories", "either"]


def either(probs: Any, logits: Any) -> str:
    """Which of the two parameters was given.

    Raises: ValueError for both or none.

    >>> from minigrad.distributions.chances import either
    >>> either(None, 0.5)
    'logits'
    """
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return "logits" if probs is None else "probs"


class Chances:
    """A distribution with ``probs`` and ``logits``: one was given, the other follows.

    >>> import minigrad as torch
    >>> torch.distributions.Bernoulli(logits=torch.zeros(2)).probs
    tensor([0.5000, 0.5000])
    """

    _is_binary = True
    _given = "probs"

    def _keep_chances(self, probs: Any, logits: Any, total_count: Any = None) -> None:
        """Keep what was given; a total count gets its shape and type."""
        self._given = either(probs, logits)
        value = logits if probs is None else probs
        if total_count is None:
            (value,) = broadcast_all(value)
        else:
            counts, value = broadcast_all(total_count, value)
            self.total_count = counts.type_as(value)
        self.__dict__[self._given] = value

    @property
    def _param(self) -> Tensor:
        """What was given."""
        given: Tensor = getattr(self, self._given)
        return given

    def _new(self, *args: Any, **kwargs: Any) -> Any:
        """A tensor of the type of what was given."""
        return self._param.new(*args, **kwargs)

    @lazy_property
    def logits(self) -> Any:
        """log p, or log(p / (1 - p)) for two outcomes."""
        return probs_to_logits(self.probs, is_binary=self._is_binary)

    @lazy_property
    def probs(self) -> Any:
        """The probabilities."""
        return logits_to_probs(self.logits, is_binary=self._is_binary)

    @property
    def param_shape(self) -> Any:
        """The shape of probs and logits."""
        return self._param.size()


class OverCategories:
    """A distribution that is about a ``Categorical``, kept as ``_categorical``.

    >>> import minigrad as torch
    >>> torch.distributions.OneHotCategorical(torch.ones(4)).probs
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    _categorical: Any

    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    param_shape = property(lambda self: self._categorical.param_shape)
    _param = property(lambda self: self._categorical._param)

    def _new(self, *args: Any, **kwargs: Any) -> Any:
        """A tensor of the type of what was given."""
        return self._param.new(*args, **kwargs)
