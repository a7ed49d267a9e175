"""``torch.autograd.profiler``: the profiler under its older name, found when it is asked for.

It stands above this room.
"""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """One of the older names."""
    return getattr(importlib.import_module("minigrad.profiler.older"), name)
