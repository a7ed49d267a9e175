"""Helpers around the engine: data loading, checkpointing, DLPack and removable hooks."""

from minigrad.utils import checkpoint, data, dlpack, hooks

__all__ = ["checkpoint", "data", "dlpack", "hooks"]
