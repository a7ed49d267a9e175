"""Distributions of transformed values.

Source: https://docs.pytorch.org/docs/stable/distributions.html#transformeddistribution
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad import Size
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, checked, formula, takes
from minigrad.distributions.independent import Independent
from minigrad.distributions.transforms import ComposeTransform, Transform
from minigrad.distributions.utils import _sum_rightmost

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The values y = f(x) for x of another distribution, f being one or more transforms.

    Formula: log p(y) = log p(x) - log|df/dx|, x = f^-1(y)

    Raises: ValueError for transforms that are none, or a base of too few dimensions.

    >>> import minigrad as torch
    >>> from minigrad.distributions import ExpTransform, Normal, TransformedDistribution
    >>> TransformedDistribution(Normal(0., 1.), [ExpTransform()]).log_prob(torch.tensor(1.))
    tensor(-0.9189)
    """

    arg_constraints = takes()

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | list[Transform],
        validate_args: bool | None = None,
    ) -> None:
        if isinstance(transforms, Transform):
            transforms = [transforms]
        elif not isinstance(transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        if not all(isinstance(t, Transform) for t in transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = transforms
        base = base_distribution
        base_shape, base_event_dim = base.batch_shape + base.event_shape, len(base.event_shape)
        whole = ComposeTransform(transforms)
        domain_dim, codomain_dim = whole.domain.event_dim, whole.codomain.event_dim
        if len(base_shape) < domain_dim:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {domain_dim}, "
                f"but got {base_shape}."
            )
        shape = Size(whole.forward_shape(base_shape))
        needed = Size(whole.inverse_shape(shape))
        if base_shape != needed:
            base = base.expand(needed[: len(needed) - base_event_dim])
        if domain_dim > base_event_dim:
            base = Independent(base, domain_dim - base_event_dim)
        self.base_dist: Any = base
        event_dim = max(codomain_dim, base_event_dim + codomain_dim - domain_dim)
        if len(shape) < event_dim:
            raise AssertionError(
                f"forward_shape length {len(shape)} must be >= event_dim {event_dim}"
            )
        cut = len(shape) - event_dim
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions, repeated to a wider batch shape without copying."""
        new = self._get_checked_instance(self._own_class(), _instance)
        shape = Size(batch_shape) + self.event_shape
        for transform in reversed(self.transforms):
            shape = Size(transform.inverse_shape(shape))
        base_batch = shape[: len(shape) - len(self.base_dist.event_shape)]
        new.base_dist = self.base_dist.expand(base_batch)
        return super().expand(batch_shape, _instance=new)

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        """Where the last transform leads to."""
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        extra = len(self.event_shape) - support.event_dim
        return constraints.independent(support, extra) if extra > 0 else support

    has_rsample = formula(lambda d: d.base_dist.has_rsample)

    def _transformed(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """f(x) for samples x of the base."""
        with torch.no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """f(x) for samples x of the base."""
        return self._transformed(self.base_dist.rsample(sample_shape))

    @checked
    def log_prob(self, value: Any) -> Any:
        """log p(x) - log|df/dx| for the x that the value comes from."""
        event_dim = len(self.event_shape)
        log_prob: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            slope = transform.log_abs_det_jacobian(x, y)
            log_prob = log_prob - _sum_rightmost(slope, event_dim - transform.domain.event_dim)
            y = x
        extra = event_dim - len(self.base_dist.event_shape)
        return log_prob + _sum_rightmost(self.base_dist.log_prob(y), extra)

    def _monotonize_cdf(self, value: Any) -> Any:
        """p, or 1 - p where the transforms turn the order around."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        """The base's, of the x that the value comes from."""
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._monotonize_cdf(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        """f of the base's quantile."""
        return self._transformed(self.base_dist.icdf(self._monotonize_cdf(value)))
