"""``torch.cpu.amp``: the older names of what is in ``torch.amp``, for the CPU.

Source: https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

import warnings

from minigrad import amp
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
        _deprecated("autocast", "autocast('cpu', args...)")
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class GradScaler(amp.GradScaler):
    """``amp.GradScaler("cpu", ...)``.

    >>> import warnings
    >>> from minigrad.cpu.amp import GradScaler
    >>> with warnings.catch_warnings(action="ignore"):
    ...     GradScaler(enabled=False).is_enabled()
    False
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        _deprecated("GradScaler", "GradScaler('cpu', args...)")
        super().__init__(
            "cpu",
            init_scale=init_scale,
            growth_factor=growth_factor,
            backoff_factor=backoff_factor,
            growth_interval=growth_interval,
            enabled=enabled,
        )


def _deprecated(name: str, now: str) -> None:
    """Say how it is written now."""
    warnings.warn(
        f"`torch.cpu.amp.{name}(args...)` is deprecated. Please use `torch.amp.{now}` instead.",
        FutureWarning,
        stacklevel=3,
    )
