"""Constraints on single numbers."""

from __future__ import annotations

from typing import Any

from minigrad.distributions.constraints.base import Constraint


class _Bounded(Constraint):
    """A constraint that shows its bounds."""

    def __repr__(self) -> str:
        bounds = ", ".join(f"{name}={bound}" for name, bound in vars(self).items())
        return f"{type(self).__name__[1:]}({bounds})"


class _From(_Bounded):
    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound


class _To(_Bounded):
    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound


class _Between(_Bounded):
    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound


class _IntegerInterval(_Between):
    """Whole numbers in [lower_bound, upper_bound].

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.integer_interval(0, 3).check(torch.tensor([0., 0.5, 1.]))
    tensor([ True, False,  True])
    """

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (self.lower_bound <= value) & (value <= self.upper_bound)


class _IntegerLessThan(_To):
    """Whole numbers up to upper_bound."""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (value <= self.upper_bound)


class _IntegerGreaterThan(_From):
    """Whole numbers from lower_bound on."""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (value >= self.lower_bound)


class _Real(Constraint):
    """Every number, the infinite ones too."""

    def check(self, value: Any) -> Any:
        return value == value


class _Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value == 0) | (value == 1)


class _GreaterThan(_From):
    """Numbers above lower_bound.

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.greater_than(0.5).check(torch.tensor([0., 0.5, 1.]))
    tensor([False, False,  True])
    """

    def check(self, value: Any) -> Any:
        return self.lower_bound < value


class _GreaterThanEq(_From):
    """Numbers from lower_bound on.

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.greater_than_eq(0.5).check(torch.tensor([0., 0.5, 1.]))
    tensor([False,  True,  True])
    """

    def check(self, value: Any) -> Any:
        return self.lower_bound <= value


class _LessThan(_To):
    """Numbers below upper_bound.

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.less_than(0.5).check(torch.tensor([0., 0.5, 1.]))
    tensor([ True, False, False])
    """

    def check(self, value: Any) -> Any:
        return value < self.upper_bound


class _Interval(_Between):
    """Numbers in [lower_bound, upper_bound].

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.interval(0.5, 1.).check(torch.tensor([0., 0.5, 1.]))
    tensor([False,  True,  True])
    """

    def check(self, value: Any) -> Any:
        return (self.lower_bound <= value) & (value <= self.upper_bound)


class _HalfOpenInterval(_Between):
    """Numbers in [lower_bound, upper_bound).

    >>> import minigrad as torch
    >>> c = torch.distributions.constraints
    >>> c.half_open_interval(0.5, 1.).check(torch.tensor([0., 0.5, 1.]))
    tensor([False,  True, False])
    """

    def check(self, value: Any) -> Any:
        return (self.lower_bound <= value) & (value < self.upper_bound)
