"""The names that ``torch.autograd.profiler`` has: a profiler that is told what not to measure.

Source: https://docs.pytorch.org/docs/stable/autograd.html#profiler
"""

from __future__ import annotations

import contextlib
from typing import Any

from minigrad.profiler import profiling
from minigrad.profiler.profiling import record_function
from minigrad.profiler.schedules import ProfilerActivity

__all__ = ["emit_nvtx", "profile", "record_function"]


class profile(profiling.profile):
    """The profiler in its older form: ``enabled`` and the devices by name.

    >>> import minigrad as torch
    >>> with torch.autograd.profiler.profile(record_shapes=True) as p:
    ...     torch.ones(2).exp()
    tensor([2.7183, 2.7183])
    >>> [a.key for a in p.key_averages()]
    ['exp']
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        **others: Any,
    ) -> None:
        asked = [ProfilerActivity.CPU] if use_cpu else []
        if use_cuda or use_device == "cuda":
            asked.append(ProfilerActivity.CUDA)
        super().__init__(
            activities=asked,
            record_shapes=record_shapes,
            with_flops=with_flops,
            profile_memory=profile_memory,
            with_stack=with_stack,
            with_modules=with_modules,
        )
        self.enabled = enabled

    def start(self) -> None:
        """Begin, if it is enabled."""
        if self.enabled:
            super().start()

    def stop(self) -> None:
        """End, if it is enabled."""
        if self.enabled:
            super().stop()


def emit_nvtx(enabled: bool = True, record_shapes: bool = False) -> Any:
    """A context that marks nothing: there are no NVTX marks here.

    >>> import minigrad as torch
    >>> with torch.autograd.profiler.emit_nvtx(enabled=False):
    ...     pass
    """
    return contextlib.nullcontext()
