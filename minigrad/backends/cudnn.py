"""cuDNN, which CuPy does not have and minigrad does not use: torch's switches, without effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["flags", "is_available", "version"]

enabled = True
benchmark = False
benchmark_limit: int | None = None
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False.

    >>> import minigrad as torch
    >>> torch.backends.cudnn.is_available()
    False

    Source: https://docs.pytorch.org/docs/stable/backends.html
    """
    return False


def version() -> None:
    """None: there is no cuDNN.

    >>> import minigrad as torch
    >>> torch.backends.cudnn.version() is None
    True

    Source: https://docs.pytorch.org/docs/stable/backends.html
    """


@contextmanager
def flags(**switches: bool | int | None) -> Iterator[None]:
    """Set switches of this module for a block.

    Raises: AttributeError for a switch that there is not.

    >>> import minigrad as torch
    >>> with torch.backends.cudnn.flags(deterministic=True):
    ...     torch.backends.cudnn.deterministic
    True

    Source: https://docs.pytorch.org/docs/stable/backends.html
    """
    own = globals()
    for name in switches:
        if name not in _SWITCHES:
            raise AttributeError(f"cudnn.flags: there is no switch {name!r}")
    before = {name: own[name] for name in switches}
    own.update(switches)
    try:
        yield
    finally:
        own.update(before)


_SWITCHES = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")
