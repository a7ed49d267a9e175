"""Contracts of CUDA kernels that take several launches, or a choice among kernels.

A plan is called like a kernel, with the kernels of its type before the arguments: ``k["name"]``
launches one of them, ``k.engine.empty`` gives scratch memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["PLANS"]

PLANS: dict[str, Callable[..., None]] = {}


def plan(run: Callable[..., None]) -> Callable[..., None]:
    """Enter a plan under its name."""
    PLANS[run.__name__] = run
    return run
