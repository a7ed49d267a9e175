"""Handles by which a registered hook is taken off again, under torch's import path."""

from minigrad.autograd import RemovableHandle

__all__ = ["RemovableHandle"]
