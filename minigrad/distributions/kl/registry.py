"""Which formula gives the divergence of two distributions: the one for the nearest classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from minigrad.distributions.distribution import Distribution

__all__ = ["kl_divergence", "register_kl"]

_Formula = Callable[[Any, Any], Any]
_KL_REGISTRY: dict[tuple[type, type], _Formula] = {}
_KL_MEMOIZE: dict[tuple[type, type], _Formula | None] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[_Formula], _Formula]:
    """A decorator: this function gives KL(p || q) for p and q of these classes and their heirs.

    >>> import minigrad as torch
    >>> from minigrad.distributions import Normal, kl_divergence, register_kl
    >>> class Mine(Normal):
    ...     pass
    >>> @register_kl(Mine, Mine)
    ... def always_zero(p, q):
    ...     return torch.zeros(())
    >>> kl_divergence(Mine(0., 1.), Mine(1., 1.))
    tensor(0.)
    """
    for name, given in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(given, type) and issubclass(given, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {given}")

    def decorator(fun: _Formula) -> _Formula:
        _KL_REGISTRY[type_p, type_q] = fun
        _KL_MEMOIZE.clear()  # a nearer one may have come
        return fun

    return decorator


def _nearest(
    matches: list[tuple[type, type]], p: type, q: type, order: tuple[int, int]
) -> tuple[type, type]:
    """The pair that stands first in the class orders of p and q, one of them counting more."""
    orders = p.__mro__, q.__mro__
    return min(matches, key=lambda pair: [orders[i].index(pair[i]) for i in order])


def _dispatch_kl(type_p: type, type_q: type) -> _Formula | None:
    """The formula for the nearest pair of classes; none if there is none."""
    matches = [(p, q) for p, q in _KL_REGISTRY if issubclass(type_p, p) and issubclass(type_q, q)]
    if not matches:
        return None
    left = _nearest(matches, type_p, type_q, (0, 1))
    right = _nearest(matches, type_p, type_q, (1, 0))
    if _KL_REGISTRY[left] is not _KL_REGISTRY[right]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({left[0].__name__}, {right[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _KL_REGISTRY[left]


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """The Kullback-Leibler divergence of q from p.

    Formula: KL(p || q) = the mean of log p(x) - log q(x) over x of p

    Shape: the batch shape.

    Raises: NotImplementedError for a pair of distributions that no formula is registered for.

    >>> import minigrad as torch
    >>> from minigrad.distributions import Normal, kl_divergence
    >>> kl_divergence(Normal(0., 1.), Normal(1., 1.))
    tensor(0.5000)
    """
    pair = type(p), type(q)
    if pair not in _KL_MEMOIZE:
        _KL_MEMOIZE[pair] = _dispatch_kl(*pair)
    fun = _KL_MEMOIZE[pair]
    if fun is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {pair[0].__name__} "
            f"and q type {pair[1].__name__}"
        )
    return fun(p, q)
