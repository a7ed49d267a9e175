"""From constraints to transforms that lead there: ``biject_to`` and ``transform_to``.

Source: https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.constraint_registry
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import Tensor
from minigrad.distributions import constraints, transforms

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """Transforms by the constraint that they lead to; called with a constraint, it makes one.

    Raises: NotImplementedError for a constraint that nothing leads to.

    >>> import minigrad as torch
    >>> from minigrad.distributions import biject_to, constraints
    >>> biject_to(constraints.positive)(torch.tensor(0.))
    tensor(1.)
    """

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], Any]] = {}

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Add what makes a transform for a class of constraints; without it, a decorator."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, constraints.Constraint):
            constraint = type(constraint)
        if not (isinstance(constraint, type) and issubclass(constraint, constraints.Constraint)):
            raise TypeError(
                "Expected constraint to be either a Constraint subclass or instance, "
                f"but got {constraint}"
            )
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        """The transform of all numbers into a constraint."""
        try:
            factory = self._registry[type(constraint)]
        except KeyError:
            name = type(constraint).__name__
            raise NotImplementedError(f"Cannot transform {name} constraints") from None
        return factory(constraint)


biject_to = ConstraintRegistry()
"""Transforms that are one to one."""
transform_to = ConstraintRegistry()
"""Transforms for optimisation, which may lead to one place from several."""


def _to_half_line(bound: str, direction: int) -> Callable[[Any], Any]:
    """exp, turned around by a negative direction, and moved to the bound."""

    def made(constraint: Any) -> Any:
        moved = transforms.AffineTransform(getattr(constraint, bound), direction)
        return transforms.ComposeTransform([transforms.ExpTransform(), moved])

    return made


def _to_interval(constraint: Any) -> Any:
    """The sigmoid function, stretched."""
    low, high = constraint.lower_bound, constraint.upper_bound
    sigmoid = transforms.SigmoidTransform()
    if not isinstance(low, Tensor) and not isinstance(high, Tensor) and (low, high) == (0, 1):
        return sigmoid
    stretched = transforms.AffineTransform(low, high - low)
    return transforms.ComposeTransform([sigmoid, stretched])


def _register_on_both(registry: ConstraintRegistry) -> None:
    """What is one to one serves both purposes."""
    register = registry.register
    register(constraints.real, lambda c: transforms.identity_transform)
    for above in (constraints.greater_than, constraints.greater_than_eq):
        register(above, _to_half_line("lower_bound", 1))
    register(constraints.less_than, _to_half_line("upper_bound", -1))
    for interval in (constraints.interval, constraints.half_open_interval):
        register(interval, _to_interval)
    register(constraints.corr_cholesky, lambda c: transforms.CorrCholeskyTransform())
    register(
        constraints.independent,
        lambda c: transforms.IndependentTransform(
            registry(c.base_constraint), c.reinterpreted_batch_ndims
        ),
    )
    register(
        constraints.cat,
        lambda c: transforms.CatTransform([registry(part) for part in c.cseq], c.dim, c.lengths),
    )
    register(
        constraints.stack,
        lambda c: transforms.StackTransform([registry(part) for part in c.cseq], c.dim),
    )


_register_on_both(biject_to)
_register_on_both(transform_to)
biject_to.register(constraints.simplex, lambda c: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: transforms.LowerCholeskyTransform())
for _kind in (constraints.positive_definite, constraints.positive_semidefinite):
    transform_to.register(_kind, lambda c: transforms.PositiveDefiniteTransform())
