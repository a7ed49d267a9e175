"""Batch dimensions that count as part of an event.

Source: https://docs.pytorch.org/docs/stable/distributions.html#independent
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, formula, takes
from minigrad.distributions.utils import _sum_rightmost

__all__ = ["Independent"]


class Independent(Distribution):
    """A distribution some of whose batch dimensions make up one event, of independent parts.

    Formula: log p(x) = the sum of log p(x_i) over these dimensions

    >>> import minigrad as torch
    >>> from minigrad.distributions import Independent, Normal
    >>> d = Independent(Normal(torch.zeros(3, 2), 1.), 1)
    >>> d.batch_shape, d.event_shape, d.log_prob(torch.zeros(3, 2)).shape
    (torch.Size([3]), torch.Size([2]), torch.Size([3]))
    """

    arg_constraints = takes()

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        base, count = base_distribution, reinterpreted_batch_ndims
        if count > len(base.batch_shape):
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                f"actual {count} vs {len(base.batch_shape)}"
            )
        shape = base.batch_shape + base.event_shape
        cut = len(base.batch_shape) - count
        self.base_dist = base
        self.reinterpreted_batch_ndims = count
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    has_rsample = formula(lambda d: d.base_dist.has_rsample)
    has_enumerate_support = formula(
        lambda d: not d.reinterpreted_batch_ndims and d.base_dist.has_enumerate_support
    )
    mean = formula(lambda d: d.base_dist.mean)
    mode = formula(lambda d: d.base_dist.mode)
    variance = formula(lambda d: d.base_dist.variance)

    @constraints.dependent_property
    def support(self) -> Any:
        """The base's, for more dimensions."""
        base, count = self.base_dist.support, self.reinterpreted_batch_ndims
        return constraints.independent(base, count) if count else base

    def sample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The base's."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Any:
        """The base's."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Tensor:
        """The base's, summed."""
        found: Tensor = _sum_rightmost(
            self.base_dist.log_prob(value), self.reinterpreted_batch_ndims
        )
        return found

    def entropy(self) -> Any:
        """The base's, summed."""
        return _sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Any:
        """The base's, as long as no dimension was taken in."""
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand=expand)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"
