"""The named results of ops that return several tensors, as ``torch.return_types`` has them.

A family names its results where it defines the op that returns them; they are found here, by
pickle for one.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


class Result(tuple[Any, ...]):
    """A tuple whose elements have names; made from one sequence of all of them.

    >>> import minigrad as torch
    >>> found = torch.return_types.max((torch.tensor(3.), torch.tensor(1)))
    >>> found.indices, found[0], found
    (tensor(1), tensor(3.), torch.return_types.max(
    values=tensor(3.),
    indices=tensor(1)))
    """

    __slots__ = ()
    names: ClassVar[tuple[str, ...]] = ()
    written: ClassVar[type[Result]]  # the type that a call with ``out=`` returns
    n_fields: ClassVar[int]
    n_sequence_fields: ClassVar[int]
    n_unnamed_fields: ClassVar[int] = 0

    def __repr__(self) -> str:
        fields = ",\n".join(f"{n}={v!r}" for n, v in zip(self.names, self, strict=True))
        return f"torch.return_types.{type(self).__name__}(\n{fields})"


def named(name: str, *fields: str) -> type[Result]:
    """A new type of result, and its twin for ``out=``; both stand in this module by name."""
    result = _type(name, fields)
    result.written = _type(f"{name}_out", fields)
    result.written.written = result.written
    return result


def _type(name: str, fields: tuple[str, ...]) -> type[Result]:
    body: dict[str, Any] = {f: property(itemgetter(i)) for i, f in enumerate(fields)}
    count = len(fields)
    body |= {"names": fields, "n_fields": count, "n_sequence_fields": count}
    body |= {"__slots__": (), "__match_args__": fields, "__module__": __name__}
    made = type(name, (Result,), body)
    globals()[name] = made
    return made


__all__ = ["Result", "named"]
