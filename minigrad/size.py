"""The shape of a tensor."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, SupportsIndex


class Size(tuple[int, ...]):
    """A shape: a tuple of ints that prints as torch's and stays a Size when cut or joined.

    >>> import minigrad as torch
    >>> s = torch.zeros(2, 3).shape
    >>> s, s[1:] + (4,), s.numel()
    (torch.Size([2, 3]), torch.Size([3, 4]), 6)
    """

    __slots__ = ()
    __module__ = "minigrad"  # where it is found, and what `type(x.shape)` prints

    def __new__(cls, sizes: Iterable[Any] = ()) -> Size:
        """A shape of whole numbers; TypeError for anything else."""
        self = tuple.__new__(cls, sizes)
        for place, n in enumerate(self):
            if type(n) is not int:
                return cls._of_others(self, place)
        return self

    @classmethod
    def _of_others(cls, sizes: tuple[Any, ...], place: int) -> Size:
        """A shape of what is no Python int, but can stand for one."""
        for at, n in enumerate(sizes[place:], place):
            if not hasattr(n, "__index__"):
                raise TypeError(
                    f"torch.Size() takes an iterable of 'int' (item {at} is '{type(n).__name__}')"
                )
        return tuple.__new__(cls, map(operator.index, sizes))

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        count = 1
        for n in self:
            count *= n
        return count

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __getitem__(self, key: Any) -> Any:
        part = tuple.__getitem__(self, key)
        return tuple.__new__(Size, part) if isinstance(part, tuple) else part

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, tuple):
            raise TypeError(
                f"can only concatenate tuple (not {type(other).__name__}) to torch.Size"
            )
        return tuple.__new__(Size, tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Any:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, count: SupportsIndex) -> Size:
        return tuple.__new__(Size, tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __reduce__(self) -> tuple[Any, ...]:
        return Size, (tuple(self),)
