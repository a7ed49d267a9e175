"""``torch.cuda.amp``: the older names of what is in ``torch.amp``, for cards.

Source: https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

from typing import Any

from minigrad import amp
from minigrad.amp import older
from minigrad.amp.older import deprecated
from minigrad.dtypes import dtype as Dtype
from minigrad.dtypes import float16

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(amp.autocast):
    """``amp.autocast("cuda", ...)``.

    >>> import warnings
    >>> from minigrad.cuda.amp import autocast
    >>> with warnings.catch_warnings(action="ignore"), autocast(enabled=False):
    ...     pass
    """

    def __init__(
        self, enabled: bool = True, dtype: Dtype = float16, cache_enabled: bool = True
    ) -> None:
        deprecated("cuda", "autocast", "autocast('cuda', args...)")
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class GradScaler(older.GradScaler):
    """``amp.GradScaler("cuda", ...)``.

    >>> import warnings
    >>> from minigrad.cuda.amp import GradScaler
    >>> with warnings.catch_warnings(action="ignore"):
    ...     GradScaler(enabled=False).is_enabled()
    False
    """

    device = "cuda"


def custom_fwd(fwd: Any = None, **options: Any) -> Any:
    """``amp.custom_fwd`` for cards.

    >>> import warnings
    >>> from minigrad.cuda.amp import custom_fwd
    >>> class Context: pass
    >>> with warnings.catch_warnings(action="ignore"):
    ...     custom_fwd(lambda ctx, x: 2 * x)(Context(), 2)
    4
    """
    deprecated("cuda", "custom_fwd", "custom_fwd(args..., device_type='cuda')")
    return amp.custom_fwd(fwd, device_type="cuda", **options)


def custom_bwd(bwd: Any) -> Any:
    """``amp.custom_bwd`` for cards.

    >>> import warnings
    >>> from minigrad.cuda.amp import custom_bwd
    >>> class Context:
    ...     _fwd_used_autocast, _dtype = False, None
    >>> with warnings.catch_warnings(action="ignore"):
    ...     custom_bwd(lambda ctx, g: 2 * g)(Context, 2)
    4
    """
    deprecated("cuda", "custom_bwd", "custom_bwd(args..., device_type='cuda')")
    return amp.custom_bwd(bwd, device_type="cuda")
