"""``torch.cpu.amp``: the older names of what is in ``torch.amp``, for the CPU.

Source: https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

from minigrad import amp
from minigrad.amp import older
from minigrad.amp.older import deprecated
from minigrad.dtypes import bfloat16
from minigrad.dtypes import dtype as Dtype

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """``amp.autocast("cpu", ...)``.

    >>> import warnings
    >>> from minigrad.cpu.amp import autocast
    >>> with warnings.catch_warnings(action="ignore"), autocast(enabled=False):
    ...     pass
    """

    def __init__(
        self, enabled: bool = True, dtype: Dtype = bfloat16, cache_enabled: bool = True
    ) -> None:
        deprecated("cpu", "autocast", "autocast('cpu', args...)")
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class GradScaler(older.GradScaler):
    """``amp.GradScaler("cpu", ...)``.

    >>> import warnings
    >>> from minigrad.cpu.amp import GradScaler
    >>> with warnings.catch_warnings(action="ignore"):
    ...     GradScaler(enabled=False).is_enabled()
    False
    """

    device = "cpu"
