"""Signals: window functions."""

from minigrad.signal import windows

__all__ = ["windows"]
