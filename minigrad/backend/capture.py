"""Whether this thread's work on a card is being captured into a graph, and what that forbids.

A replay repeats launches, so a captured step may contain nothing that is true only now. What is the
same each time (a table that follows from sizes, a number of the program) is made ``aside``, and the
graph keeps it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from minigrad.backend import card_memory

__all__ = ["CaptureError", "active", "aside", "draws", "keep", "refuse", "switch"]


class CaptureError(RuntimeError):
    """Something that a captured step cannot contain."""


class _Here(threading.local):
    on = False
    draws: dict[Any, Any] | None = None
    kept: list[Any] | None = None


_here = _Here()


def active() -> bool:
    """Whether work is being captured.

    >>> active()
    False
    """
    return _here.on


def switch(on: bool) -> tuple[dict[Any, Any], list[Any]]:
    """Say that capturing begins, or has ended; of what has ended :func:`draws`, and what it keeps.

    >>> switch(False)
    ({}, [])
    """
    found = draws(), _here.kept or []
    _here.on, _here.draws, _here.kept = on, {} if on else None, [] if on else None
    return found


def keep(value: Any) -> Any:
    """Let the graph that is captured, if one is, hold what it reads in each replay; gives it back.

    >>> keep("a table")
    'a table'
    """
    if _here.on and _here.kept is not None:
        _here.kept.append(value)
    return value


@contextlib.contextmanager
def aside(xp: Any) -> Iterator[None]:
    """Do the block's work now, on a stream and in memory that are not the graph's; wait for it.

    >>> with aside(None):  # nothing is captured
    ...     pass
    """
    if not _here.on:
        yield
        return
    _here.on = False
    try:
        with (
            xp.cuda.using_allocator(card_memory.watch(xp)),
            xp.cuda.Stream(non_blocking=True) as stream,
        ):
            yield
            stream.synchronize()
    finally:
        _here.on = True


def draws() -> dict[Any, Any]:
    """Which generators draw in the captured step, with their positions in it.

    >>> draws()
    {}
    """
    return {} if _here.draws is None else _here.draws


def refuse(what: str, instead: str) -> None:
    """Raise CaptureError while capturing: a replay would repeat what is true only now.

    >>> refuse("printing", "print after it")
    """
    if _here.on:
        raise CaptureError(f"{what} cannot be captured into a CUDA graph; {instead}")
