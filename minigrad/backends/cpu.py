"""The processor, and the native kernels that are used on it."""

from __future__ import annotations

from importlib import import_module

from minigrad.backend.memory import empty_cache
from minigrad.backend.native import allow_winograd, level, levels, use, winograd_allowed

__all__ = [
    "allow_winograd",
    "empty_cache",
    "get_cpu_capability",
    "level",
    "levels",
    "use",
    "winograd_allowed",
]


def get_cpu_capability() -> str:
    """The widest vector instructions of this processor, in torch's words.

    >>> import minigrad as torch
    >>> torch.backends.cpu.get_cpu_capability() in ("AVX512", "AVX2", "DEFAULT")
    True

    Source: https://docs.pytorch.org/docs/stable/backends.html
    """
    has: dict[str, bool] = import_module("numpy._core._multiarray_umath").__cpu_features__
    if all(has.get(name) for name in ("AVX512F", "AVX512BW", "AVX512VL", "AVX512DQ")):
        return "AVX512"
    return "AVX2" if has.get("AVX2") and has.get("FMA3") else "DEFAULT"
