"""Which card: how one is named, and what CuPy calls it.

What a front of ``minigrad.cuda`` takes for a card is a number, a text, a device, or None for the
current one.
"""

from __future__ import annotations

from typing import Any

from minigrad.backend import backend_for
from minigrad.backend.cupy_backend import card_of
from minigrad.device import device as Device

__all__ = ["card", "cupy", "number"]


def cupy() -> Any:
    """CuPy's module; DeviceError that says which part is missing."""
    return backend_for(Device("cuda")).xp


def number(place: Any) -> int:
    """The number of a card; DeviceError without one, ValueError for the CPU.

    >>> number("cuda:1"), number(2)
    (1, 2)
    """
    if isinstance(place, int) and not isinstance(place, bool):
        return place
    found = None if place is None else Device(place)
    if found is not None and found.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {found}")
    if found is None or found.index is None:
        return int(cupy().cuda.Device().id)
    return found.index


def card(place: Any) -> Any:
    """CuPy's device; in a ``with`` block it is the current one.

    Raises: DeviceError without CUDA, RuntimeError for a number that no card has.
    """
    return card_of(cupy(), number(place))
