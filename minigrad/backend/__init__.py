"""NumPy and CuPy behind one small interface.

An op never asks which backend it runs on: it is handed ``xp``, the array module of its arguments.
"""

from __future__ import annotations

from minigrad.backend.base import Array, Backend, address_of
from minigrad.backend.scientific import linalg, on_host, scientific
from minigrad.backend.select import (
    Cards,
    at,
    backend_for,
    backend_of,
    beside,
    card_count,
    elsewhere,
    follow,
    followed,
    kept,
    there,
    xp_of,
)

__all__ = [
    "Array",
    "Backend",
    "Cards",
    "address_of",
    "at",
    "backend_for",
    "backend_of",
    "beside",
    "card_count",
    "elsewhere",
    "follow",
    "followed",
    "kept",
    "linalg",
    "on_host",
    "scientific",
    "there",
    "xp_of",
]
