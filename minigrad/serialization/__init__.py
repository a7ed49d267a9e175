"""Files: ``save`` and ``load`` of nested objects that hold tensors, in torch's own format.

A file is a zip archive: ``data.pkl`` is a pickle of the object, in which every tensor is told by
its memory, offset, sizes and strides, and ``data/0``, ``data/1`` ... are the memories' bytes.
Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

from minigrad.serialization.atomic import atomic_write
from minigrad.serialization.errors import FileFormatError
from minigrad.serialization.loading import load
from minigrad.serialization.names_reader import get_unsafe_globals_in_checkpoint
from minigrad.serialization.safe_globals import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)
from minigrad.serialization.saving import save
from minigrad.serialization.tables import (
    load_npz,
    load_safetensors,
    save_npz,
    save_safetensors,
)

__all__ = [
    "FileFormatError",
    "add_safe_globals",
    "atomic_write",
    "clear_safe_globals",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "load_npz",
    "load_safetensors",
    "safe_globals",
    "save",
    "save_npz",
    "save_safetensors",
]
