"""Constraints made of others: for events of several numbers, mixtures, parts put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad.distributions.constraints.base import Constraint, _require

__all__ = ["MixtureSameFamilyConstraint"]


def _require_constraint(base: Any) -> None:
    name = type(base).__name__
    _require(isinstance(base, Constraint), f"base_constraint must be a Constraint, got {name}")


class _IndependentConstraint(Constraint):
    """A constraint whose events take in some batch dimensions: all parts must be inside.

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.independent(c.positive, 1).check(torch.tensor([[1., 1.], [2., 0.]]))
    tensor([ True, False])
    """

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        count = reinterpreted_batch_ndims
        _require_constraint(base_constraint)
        _require(
            isinstance(count, int),
            f"reinterpreted_batch_ndims must be an int, got {type(count).__name__}",
        )
        _require(count >= 0, f"reinterpreted_batch_ndims must be >= 0, got {count}")
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = count

    is_discrete = property(lambda self: self.base_constraint.is_discrete)
    event_dim = property(
        lambda self: self.base_constraint.event_dim + self.reinterpreted_batch_ndims
    )

    def check(self, value: Any) -> Any:
        """Whether all parts of each event are inside."""
        result = self.base_constraint.check(value)
        kept = result.dim() - self.reinterpreted_batch_ndims
        if kept < 0:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return result.reshape((*result.shape[:kept], -1)).all(-1)

    def __repr__(self) -> str:
        count = self.reinterpreted_batch_ndims
        return f"{type(self).__name__[1:]}({self.base_constraint!r}, {count})"


class MixtureSameFamilyConstraint(Constraint):
    """The values of a mixture: inside of the constraint of its components.

    >>> from minigrad.distributions import constraints
    >>> constraints.MixtureSameFamilyConstraint(constraints.real)
    MixtureSameFamilyConstraint(Real())
    """

    def __init__(self, base_constraint: Constraint) -> None:
        _require_constraint(base_constraint)
        self.base_constraint = base_constraint

    is_discrete = property(lambda self: self.base_constraint.is_discrete)
    event_dim = property(lambda self: self.base_constraint.event_dim)

    def check(self, value: Any) -> Any:
        """Whether each event is inside for all components."""
        kept = value.dim() - self.event_dim
        result = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        if kept < 0:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return result.reshape((*result.shape[:kept], -1)).all(-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_constraint!r})"


class _Sequence(Constraint):
    """Several constraints for the parts of a tensor along one dimension."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        _require(
            all(isinstance(c, Constraint) for c in cseq),
            "All elements of cseq must be Constraint instances",
        )
        self.cseq = list(cseq)
        self.dim = dim

    is_discrete = property(lambda self: any(c.is_discrete for c in self.cseq))

    def _check_dim(self, value: Any) -> None:
        count = value.dim()
        _require(
            -count <= self.dim < count,
            f"dim {self.dim} out of range for value with {count} dimensions",
        )


class _Cat(_Sequence):
    """Constraints for parts of some lengths, which are put together by ``torch.cat``.

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.cat([c.positive, c.real], lengths=[1, 2]).check(torch.tensor([1., -1., 0.]))
    tensor([True, True, True])
    """

    def __init__(
        self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None
    ) -> None:
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        count = len(self.lengths)
        _require(count == len(self.cseq), f"lengths ({count}) must match cseq ({len(self.cseq)})")

    event_dim = property(lambda self: max(c.event_dim for c in self.cseq))

    def check(self, value: Any) -> Any:
        self._check_dim(value)
        parts = value.narrow(self.dim, 0, sum(self.lengths)).split(self.lengths, self.dim)
        return torch.cat([c.check(v) for c, v in zip(self.cseq, parts, strict=True)], self.dim)


class _Stack(_Sequence):
    """Constraints for slices, which are put together by ``torch.stack``.

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.stack([c.positive, c.real]).check(torch.tensor([0., 0.]))
    tensor([False,  True])
    """

    @property
    def event_dim(self) -> Any:
        """That of the parts, and the new dimension if it lies within."""
        dim = max(c.event_dim for c in self.cseq)
        return dim + 1 if self.dim + dim < 0 else dim

    def check(self, value: Any) -> Any:
        self._check_dim(value)
        parts = zip(self.cseq, value.unbind(self.dim), strict=False)
        return torch.stack([c.check(v) for c, v in parts], self.dim)
