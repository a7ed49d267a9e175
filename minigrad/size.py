"""The shape of a tensor."""

from __future__ import annotations

from typing import Any, SupportsIndex


class Size(tuple[int, ...]):
    """A shape: a tuple of ints that prints as torch's and stays a Size when cut or joined.

    >>> import minigrad as torch
    >>> s = torch.zeros(2, 3).shape
    >>> s, s[1:] + (4,), s.numel()
    (torch.Size([2, 3]), torch.Size([3, 4]), 6)
    """

    __slots__ = ()

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
        return Size(part) if isinstance(part, tuple) else part

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, tuple(other)))

    def __radd__(self, other: Any) -> Any:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, count: SupportsIndex) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __reduce__(self) -> tuple[Any, ...]:
        return Size, (tuple(self),)
