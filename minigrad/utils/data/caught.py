"""An error on its way from a worker to the parent: its type and its traceback as text."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

__all__ = ["Caught"]


class _Verbatim(str):
    """A text that KeyError, which shows the repr of its argument, shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self


class Caught:
    """An error caught in one process, to be raised in another.

    The traceback goes as text: the frames stay where they are, and nothing of them is kept alive.
    """

    def __init__(self, error: BaseException, where: str) -> None:
        self.kind = type(error)
        self.text = "".join(traceback.format_exception(error))
        self.name = self.kind.__name__
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        try:  # the parent may know nothing of a type made in a function
            pickle.dumps(self.kind)
            kind: type[BaseException] = self.kind
        except Exception:
            kind = RuntimeError
        return _restore, (kind, self.name, self.text, self.where)

    def reraise(self) -> None:
        """Raise an error of the same type, which tells where it comes from."""
        text = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            raise KeyError(_Verbatim(text))
        if getattr(self.kind, "message", None):  # it wants its text under this name
            raise self.kind(message=text)  # type: ignore[call-arg]
        try:
            error = self.kind(text)
        except Exception:  # it wants other arguments, which nobody knows here
            raise RuntimeError(text) from None
        raise error


def _restore(kind: type[BaseException], name: str, text: str, where: str) -> Caught:
    """Unpickle one."""
    caught = Caught.__new__(Caught)
    caught.kind, caught.name, caught.text, caught.where = kind, name, text, where
    return caught
