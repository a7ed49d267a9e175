"""Batches in pinned memory, from which a card copies while the program goes on."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from minigrad import cuda
from minigrad.backend.cupy_backend import pinned
from minigrad.tensor import Tensor

__all__ = ["available", "pin_memory"]


def available() -> bool:
    """Whether there is a card for which pinning makes sense."""
    return cuda.is_available()


def pin_memory(data: Any) -> Any:
    """The same with all tensors in pinned memory; what has a method of this name answers itself."""
    if isinstance(data, Tensor):
        return _pinned(data)
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, tuple):
        entries = [pin_memory(entry) for entry in data]
        return type(data)(*entries) if hasattr(data, "_fields") else type(data)(entries)
    if isinstance(data, Mapping):
        pinned = {key: pin_memory(entry) for key, entry in data.items()}
        try:
            if not isinstance(data, MutableMapping):
                return type(data)(pinned)  # type: ignore[call-arg]
            made = copy.copy(data)
            made.update(pinned)
            return made
        except TypeError:
            return pinned
    if isinstance(data, Sequence):
        entries = [pin_memory(entry) for entry in data]
        try:
            if not isinstance(data, MutableSequence):
                return type(data)(entries)  # type: ignore[call-arg]
            twin = copy.copy(data)
            for place, entry in enumerate(entries):
                twin[place] = entry
            return twin
        except TypeError:
            return entries
    return data


def _pinned(tensor: Tensor) -> Tensor:
    array = tensor._array
    if type(array) is not np.ndarray or not tensor.is_leaf:
        return tensor
    out: Tensor = type(tensor)._wrap(pinned(array))
    return out.requires_grad_() if tensor.requires_grad else out
