"""Whether this thread's work on a card is being captured into a graph, and what that forbids."""

from __future__ import annotations

import threading

__all__ = ["CaptureError", "active", "refuse", "switch"]


class CaptureError(RuntimeError):
    """Something that a captured step cannot contain."""


class _Here(threading.local):
    on = False


_here = _Here()


def active() -> bool:
    """Whether work is being captured.

    >>> active()
    False
    """
    return _here.on


def switch(on: bool) -> None:
    """Say that capturing begins, or has ended."""
    _here.on = on


def refuse(what: str, instead: str) -> None:
    """Raise CaptureError while capturing: a replay would repeat what is true only now.

    >>> refuse("printing", "print after it")
    """
    if _here.on:
        raise CaptureError(f"{what} cannot be captured into a CUDA graph; {instead}")
