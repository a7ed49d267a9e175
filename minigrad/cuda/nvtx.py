"""Marks for NVIDIA's profilers, by CuPy. torch's functions return how deep a range lies; CuPy's,
and so these, return nothing.

Source: https://docs.pytorch.org/docs/stable/cuda.html#nvidia-tools-extension-nvtx
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from minigrad.cuda.cards import cupy

__all__ = ["mark", "range", "range_pop", "range_push"]


def _nvtx() -> Any:
    found = cupy().cuda.nvtx
    if not found.available:
        raise RuntimeError("CuPy was built without NVTX: there is nobody to tell of marks")
    return found


def range_push(msg: str) -> None:
    """Begin a range inside of those that are open in this thread.

    Raises: DeviceError without CUDA.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.nvtx.range_push("step")
    ...     torch.cuda.nvtx.range_pop()
    """
    _nvtx().RangePush(msg)


def range_pop() -> None:
    """End the range that was begun last.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.nvtx.range_push("step")
    ...     torch.cuda.nvtx.range_pop()
    """
    _nvtx().RangePop()


def mark(msg: str) -> None:
    """Mark one moment.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.nvtx.mark("here")
    """
    _nvtx().Mark(msg)


@contextlib.contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A range around a block, or a function; more arguments are those of ``msg.format``.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed(), torch.cuda.nvtx.range("step {}", 3):
    ...     y = torch.ones(2, device="cuda") * 2
    """
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
