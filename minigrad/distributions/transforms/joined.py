"""Several transforms for the parts of a tensor along one dimension.

Source: https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.transforms
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import minigrad as torch
from minigrad.distributions import constraints
from minigrad.distributions.transforms.base import Transform
from minigrad.distributions.utils import _sum_rightmost

__all__ = ["CatTransform", "StackTransform"]


class _Joined(Transform):
    """What both ways to put parts together share."""

    def __init__(self, tseq: Sequence[Any], dim: int, cache_size: int) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def tseq(self) -> list[Any]:
        """The transforms, by the name of the argument."""
        return self.transforms

    bijective = property(lambda self: all(t.bijective for t in self.transforms))

    def _check(self, value: Any, name: str, noun: str, length: int, what: str) -> None:
        """Raise AssertionError unless the value has that length along the dimension."""
        count = value.dim()
        if not -count <= self.dim < count:
            raise AssertionError(f"dim {self.dim} out of range for {noun} with {count} dimensions")
        size = value.size(self.dim)
        if size != length:
            raise AssertionError(f"{name}.size({self.dim}) = {size} must equal {what} {length}")


class CatTransform(_Joined):
    """Transforms for parts of some lengths, put together as by ``torch.cat``.

    Raises: AssertionError if the lengths are not those of the value.

    >>> import minigrad as torch
    >>> from minigrad.distributions import CatTransform, ExpTransform, identity_transform
    >>> CatTransform([ExpTransform(), identity_transform], lengths=[1, 2])(torch.zeros(3))
    tensor([1., 0., 0.])
    """

    _arguments = ("tseq", "dim", "lengths")

    def __init__(
        self,
        tseq: Sequence[Any],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(
                f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})"
            )

    event_dim = property(lambda self: max(t.event_dim for t in self.transforms))
    length = property(lambda self: sum(self.lengths))

    def _parts(self, value: Any, name: str, noun: str = "tensor") -> Any:
        self._check(value, name, noun, self.length, "length")
        return value.split(self.lengths, self.dim)

    def _call(self, x: Any) -> Any:
        parts = zip(self.transforms, self._parts(x, "x"), strict=True)
        return torch.cat([t(part) for t, part in parts], dim=self.dim)

    def _inverse(self, y: Any) -> Any:
        parts = zip(self.transforms, self._parts(y, "y"), strict=True)
        return torch.cat([t.inv(part) for t, part in parts], dim=self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The parts', put together; added up if the dimension is one of the event's."""
        terms = []
        parts = zip(
            self.transforms, self._parts(x, "x", "x"), self._parts(y, "y", "y"), strict=True
        )
        for t, before, after in parts:
            term = t.log_abs_det_jacobian(before, after)
            terms.append(_sum_rightmost(term, max(self.event_dim - t.event_dim, 0)))
        dim = self.dim - x.dim() if self.dim >= 0 else self.dim
        dim += self.event_dim
        return torch.cat(terms, dim=dim) if dim < 0 else sum(terms)

    @constraints.dependent_property
    def domain(self) -> Any:
        """The parts', put together."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Any:
        """The parts', put together."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_Joined):
    """A transform for each slice, put together as by ``torch.stack``.

    Raises: AssertionError if there are more or fewer slices.

    >>> import minigrad as torch
    >>> from minigrad.distributions import ExpTransform, StackTransform, identity_transform
    >>> StackTransform([ExpTransform(), identity_transform])(torch.zeros(2))
    tensor([1., 0.])
    """

    _arguments = ("tseq", "dim")

    def __init__(self, tseq: Sequence[Any], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)

    def _slices(self, value: Any, name: str, noun: str = "tensor") -> Any:
        self._check(value, name, noun, len(self.transforms), "len(transforms)")
        return value.unbind(self.dim)

    def _call(self, x: Any) -> Any:
        parts = zip(self.transforms, self._slices(x, "x"), strict=True)
        return torch.stack([t(part) for t, part in parts], dim=self.dim)

    def _inverse(self, y: Any) -> Any:
        parts = zip(self.transforms, self._slices(y, "y"), strict=True)
        return torch.stack([t.inv(part) for t, part in parts], dim=self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The slices', put together."""
        parts = zip(
            self.transforms, self._slices(x, "x", "x"), self._slices(y, "y", "y"), strict=True
        )
        return torch.stack([t.log_abs_det_jacobian(a, b) for t, a, b in parts], dim=self.dim)

    @constraints.dependent_property
    def domain(self) -> Any:
        """The slices', put together."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:
        """The slices', put together."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
