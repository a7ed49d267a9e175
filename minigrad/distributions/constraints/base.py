"""What a constraint is, and constraints that depend on other values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Constraint", "dependent_property", "is_dependent"]


class Constraint:
    """A region of values.

    >>> import minigrad as torch
    >>> torch.distributions.constraints.positive.check(torch.tensor([-1., 2.]))
    tensor([False,  True])
    """

    is_discrete: Any = False
    event_dim: Any = 0

    def check(self, value: Any) -> Any:
        """Whether each event is inside."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__[1:]}()"


class _Dependent(Constraint):
    """A constraint that depends on other values; whoever knows them has another in its place."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented):
        self._is_discrete = is_discrete
        self._event_dim = event_dim

    @property
    def is_discrete(self) -> Any:
        """Whether counts are meant, if that does not depend."""
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(".is_discrete cannot be determined statically")
        return self._is_discrete

    @property
    def event_dim(self) -> Any:
        """How many dimensions an event has, if that does not depend."""
        if self._event_dim is NotImplemented:
            raise NotImplementedError(".event_dim cannot be determined statically")
        return self._event_dim

    def __call__(
        self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented
    ) -> Any:
        """The same, with what is known of it."""
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, value: Any) -> Any:
        """Nobody can tell."""
        raise ValueError("Cannot determine validity of dependent constraint")


def is_dependent(constraint: Any) -> bool:
    """Whether a constraint depends on other values.

    >>> from minigrad.distributions import constraints
    >>> constraints.is_dependent(constraints.dependent)
    True
    """
    return isinstance(constraint, _Dependent)


class dependent_property(property, _Dependent):
    """A property that is a constraint: of an instance a certain one, of the class a dependent one.

    >>> from minigrad.distributions import Uniform, constraints
    >>> constraints.is_dependent(Uniform.support), Uniform.support.event_dim
    (True, 0)
    """

    def __init__(
        self,
        fn: Callable[..., Any] | None = None,
        *,
        is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ) -> None:
        super().__init__(fn)
        _Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Callable[..., Any]) -> Any:  # type: ignore[override]
        """As a decorator with arguments."""
        return type(self)(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


def _require(holds: bool, message: str) -> None:
    """torch asserts what the arguments of constraints must be."""
    if not holds:
        raise AssertionError(message)
