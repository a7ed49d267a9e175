"""What ``torch.cpu.amp`` and ``torch.cuda.amp`` share: older names of what is in ``torch.amp``."""

from __future__ import annotations

import warnings
from typing import ClassVar

from minigrad.amp.grad_scaler import GradScaler as _GradScaler

__all__ = ["GradScaler", "deprecated"]


def deprecated(device: str, name: str, now: str) -> None:
    """Say to who called the caller how it is written now.

    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     deprecated("cpu", "autocast", "autocast('cpu', args...)")
    """
    warnings.warn(
        f"`torch.{device}.amp.{name}(args...)` is deprecated. Please use `torch.amp.{now}` "
        "instead.",
        FutureWarning,
        stacklevel=3,
    )


class GradScaler(_GradScaler):
    """``amp.GradScaler`` of the one ``device`` that a subclass names.

    >>> import warnings
    >>> from minigrad.cpu.amp import GradScaler
    >>> with warnings.catch_warnings(action="ignore"):
    ...     GradScaler(enabled=False).is_enabled()
    False
    """

    device: ClassVar[str]

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        deprecated(self.device, "GradScaler", f"GradScaler('{self.device}', args...)")
        super().__init__(
            self.device, init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )
