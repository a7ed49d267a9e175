"""Exponential families: entropy from the derivative of the log normaliser.

Source: F. Nielsen and R. Nock, "Entropies and cross-entropies of exponential families", ICIP 2010.
"""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """Densities p(x) = exp(<t(x), n> - F(n) + k(x)) with natural parameters n.

    Subclasses give n as ``_natural_params``, F as ``_log_normalizer`` and the mean of k as
    ``_mean_carrier_measure``. Then the entropy is F(n) - <n, dF/dn> - E[k].

    >>> import minigrad as torch
    >>> d = torch.distributions.Normal(0., 1.)
    >>> torch.allclose(torch.distributions.ExponentialFamily.entropy(d), d.entropy())
    True
    """

    @property
    def _natural_params(self) -> Any:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def _normalizer_and_slopes(self) -> tuple[list[Tensor], Any, tuple[Tensor, ...]]:
        """The natural parameters, cut off; the log normaliser; its derivatives by them."""
        params = [p.detach().requires_grad_() for p in self._natural_params]
        with torch.enable_grad():
            normalizer = self._log_normalizer(*params)
            slopes = torch.autograd.grad(normalizer.sum(), params, create_graph=True)
        return params, normalizer, slopes

    def entropy(self) -> Any:
        """F(n) - <n, dF/dn> - E[k], the derivative by autograd."""
        params, normalizer, slopes = self._normalizer_and_slopes()
        result = normalizer - self._mean_carrier_measure
        for param, slope in zip(params, slopes, strict=True):
            result = result - (param * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return result
