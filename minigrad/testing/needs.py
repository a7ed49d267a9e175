"""What the strategies need: hypothesis, or one sentence that says how to get it."""

from __future__ import annotations

try:
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp
except ImportError as error:
    raise ImportError(
        "minigrad.testing: the strategies need hypothesis; install it with: "
        "python -m pip install 'minigrad[testing]'"
    ) from error

__all__ = ["hnp", "st"]
