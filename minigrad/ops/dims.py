"""Axis numbers as users give them: negative, single, several, none."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from minigrad.autograd.signatures import NOT_GIVEN, NotGiven


def one_dim(dim: Any, ndim: int) -> int:
    """An axis number counted from the front; IndexError in torch's words if there is none.

    >>> one_dim(-1, 3)
    2
    """
    if type(dim) is int and 0 <= dim < ndim:  # the hot case
        return dim
    if type(dim) is bool:
        raise TypeError("dim must be int, not bool")
    reach = ndim or 1
    try:
        inside = -reach <= dim < reach
    except TypeError:
        if dim is NOT_GIVEN:
            raise TypeError("keepdim needs a dim") from None
        raise TypeError(f"dim must be int, not {type(dim).__name__}") from None
    if not inside:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-reach}, {reach - 1}], but got "
            f"{dim})"
        )
    return index(dim) % reach


def all_dims(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """Several axis numbers as a tuple; None for all of them.

    >>> all_dims((0, -1), 3), all_dims(None, 3), all_dims([], 3)
    ((0, 2), None, None)
    """
    if dim is None:
        return None
    if type(dim) is int and -ndim <= dim < ndim:  # the hot case
        return (dim % ndim,)
    if not isinstance(dim, Sequence):
        return (one_dim(dim, ndim),) if one_dim(dim, ndim) < ndim else None
    found = tuple(one_dim(d, ndim) for d in dim)
    if len(set(found)) != len(found):
        twice = next(d for d in found if found.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return found if found and ndim else None


def kept_shape(shape: Sequence[int], dim: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape of a reduction with ``keepdim``.

    >>> kept_shape((2, 3, 4), (1,))
    (2, 1, 4)
    """
    return tuple(1 if dim is None or i in dim else n for i, n in enumerate(shape))


def sizes(args: Sequence[Any]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence.

    >>> sizes((2, 3)), sizes(([2, 3],))
    ((2, 3), (2, 3))
    """
    if len(args) == 1 and not hasattr(args[0], "__index__"):
        args = args[0]
    return tuple(map(index, args))


def listed(args: Sequence[Any], named: dict[str, Any], name: str) -> tuple[int, ...]:
    """Whole numbers given one by one, as one sequence, or as one sequence by keyword.

    >>> listed((), {"dims": [0, 1]}, "dims")
    (0, 1)
    """
    if len(args) > 1 and not named:  # the hot case
        return tuple(map(index, args))
    if named:
        if args or named.keys() != {name}:
            raise TypeError(f"expected {name!r} as one sequence, got {args} and {named}")
        args = (named[name],)
    if not args:
        raise TypeError(f'missing 1 required positional arguments: "{name}"')
    return sizes(args)


__all__ = ["NOT_GIVEN", "NotGiven", "all_dims", "kept_shape", "one_dim", "sizes"]
