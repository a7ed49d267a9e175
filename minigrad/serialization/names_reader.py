"""Which names a file asks for, told without making anything of them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import IO, Any

from minigrad.serialization.archive_reader import ArchiveReader
from minigrad.serialization.names import find
from minigrad.serialization.safe_globals import user_globals
from minigrad.serialization.saving import FileLike
from minigrad.serialization.unpickler import Unpickler

__all__ = ["get_unsafe_globals_in_checkpoint"]


def get_unsafe_globals_in_checkpoint(f: FileLike) -> list[str]:
    """The names in a file that loading with ``weights_only=True`` would refuse.

    >>> import io, fractions, minigrad as torch
    >>> file = io.BytesIO(); torch.save(fractions.Fraction(1, 2), file); _ = file.seek(0)
    >>> torch.serialization.get_unsafe_globals_in_checkpoint(file)
    ['fractions.Fraction']
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return get_unsafe_globals_in_checkpoint(file)
    reader = _NamesReader(io.BytesIO(ArchiveReader(f).read("data.pkl")))
    reader.load()
    allowed = user_globals()
    return [name for name in reader.names if find(name) is None and name not in allowed]


class _Nothing:
    """Stands for every object whose name was read."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass


class _NamesReader(Unpickler):
    """An unpickler that notes names and makes nothing of them."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, lambda place: _Nothing())
        self.names: dict[str, None] = {}  # in order of appearance

    def _found(self, path: str, module: str) -> Any:
        self.names[path] = None
        return _Nothing

    def _callable(self, function: Any) -> Callable[..., Any]:
        return _Nothing

    def _build(self) -> None:
        self._stack.pop()

    def _list_on_top(self) -> Any:
        found = self._stack[-1]
        return found if isinstance(found, list) else []

    def _set_items_of(self, rows: list[Any]) -> None:
        if isinstance(self._stack[-1], dict):
            super()._set_items_of(rows)

    def _persistent(self) -> None:
        self._stack[-1] = _Nothing()
