"""Helpers around the engine: data loading and removable hooks."""

from minigrad.utils import data, hooks

__all__ = ["data", "hooks"]
