"""Whether this thread's work on a card is being captured into a graph, and what that forbids."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["CaptureError", "active", "draws", "refuse", "switch"]


class CaptureError(RuntimeError):
    """Something that a captured step cannot contain."""


class _Here(threading.local):
    on = False
    draws: dict[Any, Any] | None = None


_here = _Here()


def active() -> bool:
    """Whether work is being captured.

    >>> active()
    False
    """
    return _here.on


def switch(on: bool) -> dict[Any, Any]:
    """Say that capturing begins, or has ended; gives :func:`draws` of what has ended."""
    found, _here.on, _here.draws = draws(), on, {} if on else None
    return found


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
