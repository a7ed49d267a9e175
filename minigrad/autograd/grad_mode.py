"""The switches of recording, under torch's import path."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.modes import enable_grad, inference_mode, no_grad, set_grad_enabled


class set_multithreading_enabled:
    """Accepted and without effect: a backward sweep runs in the thread that asks for it.

    >>> import minigrad as torch
    >>> with torch.autograd.set_multithreading_enabled(False):
    ...     pass
    """

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: Any) -> None:
        pass


__all__ = [
    "enable_grad",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
    "set_multithreading_enabled",
]
