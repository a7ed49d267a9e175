"""torch's old order of arguments, a number and then tensors: ``x.add_(0.1, y)``.

Optimisers written before torch 1.5 are full of it, and torch still takes it, with a warning.
"""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad.autograd.signatures import show
from minigrad.errors import warn_user

Fn = TypeVar("Fn", bound=Callable[..., Any])


def number_first(
    name: str, keyword: str, given: tuple[Any, ...], rest: tuple[Any, ...]
) -> tuple[Any, ...]:
    """The tensors and then the number, of a call with one positional argument too many.

    >>> import minigrad as torch, warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.ones(2).add(0.5, torch.ones(2))
    tensor([1.5000, 1.5000])
    """
    number, *tensors = *given, *rest
    if len(rest) != 1 or not isinstance(number, numbers.Number):
        raise TypeError(
            f"{name}() takes {1 + len(given)} positional arguments but "
            f"{1 + len(given) + len(rest)} were given"
        )
    _deprecated(name, keyword)
    return (*tensors, number)


@functools.cache
def _deprecated(name: str, keyword: str) -> None:
    """Say, once for each name, how it is written now."""
    warn_user(
        f"This overload of {name} is deprecated: a number before the tensors is now given after "
        f"them, as {keyword}="
    )


def hides_rest(fn: Fn) -> Fn:
    """Show a function's signature without the ``*rest`` that takes the old order."""

    def shown() -> inspect.Signature:
        whole = inspect.signature(fn, follow_wrapped=False)
        kept = [p for p in whole.parameters.values() if p.kind is not p.VAR_POSITIONAL]
        return whole.replace(parameters=kept)

    show(fn, shown)
    return fn
