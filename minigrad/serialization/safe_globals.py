"""Classes and functions that the user trusts a file to name, beside those that are always allowed.

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "safe_globals",
    "user_globals",
]

_trusted: dict[Any, None] = {}  # in the order in which they were added


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Allow a file to name these classes and functions when only weights are loaded.

    An entry is a class or function, or a pair of one and the dotted name that files have for it.

    >>> import minigrad as torch
    >>> class Settings: pass
    >>> torch.serialization.add_safe_globals([Settings])
    >>> torch.serialization.get_safe_globals() == [Settings]
    True
    >>> torch.serialization.clear_safe_globals()
    """
    _trusted.update(dict.fromkeys(safe_globals))


def get_safe_globals() -> list[Any]:
    """What :func:`add_safe_globals` has allowed.

    >>> import minigrad as torch
    >>> torch.serialization.get_safe_globals()
    []
    """
    return list(_trusted)


def clear_safe_globals() -> None:
    """Take back all that :func:`add_safe_globals` has allowed.

    >>> import minigrad as torch
    >>> torch.serialization.clear_safe_globals()
    """
    _trusted.clear()


class safe_globals:
    """Allow classes and functions within a ``with`` block.

    >>> import minigrad as torch
    >>> class Settings: pass
    >>> with torch.serialization.safe_globals([Settings]):
    ...     torch.serialization.get_safe_globals() == [Settings]
    True
    """

    def __init__(self, safe_globals: Iterable[Any]) -> None:
        self.safe_globals = list(safe_globals)

    def __enter__(self) -> None:
        add_safe_globals(self.safe_globals)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for thing in self.safe_globals:
            _trusted.pop(thing, None)


def user_globals() -> dict[str, Any]:
    """What the user trusts, by dotted name."""
    found = {}
    for entry in _trusted:
        if not isinstance(entry, tuple):
            found[f"{entry.__module__}.{entry.__qualname__}"] = entry
            continue
        if len(entry) != 2:
            raise ValueError(
                "Expected tuple of length 2 (global, str of callable full path), but got tuple of "
                f"length: {len(entry)}"
            )
        thing, name = entry
        if type(name) is not str:
            raise TypeError(
                "Expected second item in tuple to be str of callable full path, but got: "
                f"{type(name)}"
            )
        found[name] = thing
    return found
