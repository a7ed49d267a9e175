"""NumPy and CuPy behind one small interface.

An op never asks which backend it runs on: it is handed ``xp``, the array module of its arguments.
"""

from __future__ import annotations

from minigrad.backend.base import Array, Backend
from minigrad.backend.scientific import on_host, scientific
from minigrad.backend.select import backend_for, backend_of, beside, xp_of

__all__ = ["Array", "Backend", "backend_for", "backend_of", "beside", "on_host", "scientific", "xp_of"]
