"""The names that ``torch.autograd.profiler`` has: a profiler that is told what not to measure.

Source: https://docs.pytorch.org/docs/stable/autograd.html#profiler
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from minigrad.autograd.op import Op
from minigrad.autograd.taps import wrapped
from minigrad.cuda import nvtx, synchronize
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
        experimental_config: Any = None,
        acc_events: bool = False,
        custom_trace_id_callback: Any = None,
        post_processing_timeout_s: float | None = None,
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


class _Ranges:
    """NVTX's ranges around ops: see `taps.wrapped`."""

    def forward(self, op: type[Op], forward: Callable[..., Any]) -> Callable[..., Any]:
        """A forward in a range of the op's name."""
        return nvtx.range(op.name)(forward)

    def pull(self, op: type[Op], pull: Callable[..., Any], argument: int) -> Callable[..., Any]:
        """A derivative in a range of its node's name."""

        def marked(g: Any, saved: Any, node: Any, F: Any) -> Any:
            with nvtx.range(node.name()):
                return pull(g, saved, node, F)

        return marked


@contextlib.contextmanager
def emit_nvtx(enabled: bool = True, record_shapes: bool = False) -> Iterator[None]:
    """A block in which each op is a range for NVIDIA's profilers, by its name alone.

    Raises: DeviceError without CUDA, if it is enabled.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed(), torch.autograd.profiler.emit_nvtx():
    ...     y = torch.ones(2, device="cuda") * 2
    """
    if not enabled:
        yield
        return
    synchronize()  # so that what was launched before lies before the first range
    with wrapped(_Ranges()):
        yield
    synchronize()
