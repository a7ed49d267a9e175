"""``profile`` and ``record_function``."""

from __future__ import annotations

import functools
import json
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from minigrad.autograd.taps import Heard, listen
from minigrad.inspect.calls import ModuleCall, ModuleCalls
from minigrad.profiler.averages import Averages
from minigrad.profiler.page import page
from minigrad.profiler.schedules import ProfilerAction, ProfilerActivity
from minigrad.profiler.spans import Span, span_of

__all__ = ["profile", "record_function"]

_RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
_running: list[profile] = []


class profile:
    """Measure every op that runs in a ``with`` block, forward and backward.

    ``model`` adds its modules' forwards, ``profile_memory`` how many bytes of what ops made are
    alive. With a ``schedule`` only some steps are recorded; ``step()`` ends one, and
    ``on_trace_ready(profiler)`` is called after the last of each round. What lies between ops is
    the time of Python and of the program. Only host time is measured: who asks for
    ``ProfilerActivity.CUDA`` is warned. Of torch's other words, ``with_flops`` is always so,
    ``with_modules`` needs ``model``, and ``with_stack`` records nothing here.

    >>> import minigrad as torch
    >>> x = torch.ones(100, 100, requires_grad=True)
    >>> with torch.profiler.profile() as p:
    ...     (x @ x).sum().backward()
    >>> [(a.key, a.count) for a in p.key_averages()]
    [('mm', 1), ('sum', 1), ('SumBackward0', 1), ('MmBackward0', 2)]
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        model: Any = None,
    ) -> None:
        other = [a.name for a in activities or () if a is not ProfilerActivity.CPU]
        if other:
            warnings.warn(
                f"profile: {', '.join(other)} is not measured, only ProfilerActivity.CPU is",
                stacklevel=2,
            )
        self.record_shapes, self.profile_memory, self.model = record_shapes, profile_memory, model
        self.on_trace_ready, self.schedule = on_trace_ready, schedule
        self.step_num = 0
        self.spans: list[Span] = []
        self._depths: dict[int, int] = {}  # see `span_of`
        self._alive = 0
        self._stop: list[Callable[[], Any]] = []
        self._began = 0

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def _action(self) -> ProfilerAction:
        return self.schedule(self.step_num) if self.schedule else ProfilerAction.RECORD_AND_SAVE

    def start(self) -> None:
        """Begin, as at the beginning of a ``with`` block."""
        if self._action in _RECORDING:
            self._listen()
        self._step_began = perf_counter_ns()

    def stop(self) -> None:
        """End, as at the end of a ``with`` block."""
        saves = self._stop and self.schedule is None
        self._deafen()
        if saves and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self) -> None:
        """Say that a step of the program ends here."""
        before, now = self._action, perf_counter_ns()
        if before in _RECORDING:
            self._add(f"ProfilerStep#{self.step_num}", "step", self._step_began, now)
        if before is ProfilerAction.RECORD_AND_SAVE and self.schedule is not None:
            self._deafen()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        self.step_num += 1
        after = self._action
        if after in _RECORDING and not self._stop:
            self.spans = []
            self._listen()
        elif after not in _RECORDING:
            self._deafen()
        self._step_began = perf_counter_ns()

    def _listen(self) -> None:
        self._began = perf_counter_ns()
        listening = listen(self._hear)
        listening.__enter__()
        _running.append(self)
        self._stop = [
            functools.partial(listening.__exit__, None, None, None),
            functools.partial(_running.remove, self),
        ]
        if self.model is not None:
            modules = _TimedModules(self.model, self)
            modules.__enter__()
            self._stop.append(modules.__exit__)

    def _deafen(self) -> None:
        while self._stop:
            self._stop.pop()()

    def _add(self, name: str, kind: str, began: int, ended: int) -> None:
        self.spans.append(Span(name, kind, began, ended, threading.get_ident()))

    def _hear(self, heard: Heard) -> None:
        span = span_of(heard, threading.get_ident(), self._depths)
        if self.profile_memory:
            span.memory = self._count(heard.result)
        self.spans.append(span)

    def _count(self, result: Any) -> int:
        """The bytes alive of what ops made: each new array counts until it dies."""
        for array in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(array, np.ndarray) and array.base is None:
                self._alive += array.nbytes
                weakref.finalize(array, self._died, array.nbytes)
        return self._alive

    def _died(self, count: int) -> None:
        self._alive -= count

    # --- results --------------------------------------------------------------------------------

    def events(self) -> list[Span]:
        """Every span, in the order of its end."""
        return list(self.spans)

    def key_averages(self, group_by_input_shape: bool = False) -> Averages:
        """The spans by name, or by name and shapes of the arguments."""
        return Averages(self.spans, group_by_input_shape or self.record_shapes)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the spans for chrome://tracing and Perfetto.

        >>> import minigrad as torch, json, tempfile, pathlib
        >>> with torch.profiler.profile() as p:
        ...     y = torch.ones(3).exp()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     p.export_chrome_trace(f"{folder}/trace.json")
        ...     trace = json.loads(pathlib.Path(folder, "trace.json").read_text())
        >>> [event["name"] for event in trace["traceEvents"] if event["ph"] == "X"]
        ['exp']
        """
        events: list[dict[str, Any]] = []
        for span in self.spans:
            facts = {"shapes": [list(s) for s in span.shapes], "bytes": span.bytes}
            events.append(
                {
                    "ph": "X",
                    "name": span.name,
                    "cat": span.kind,
                    "ts": (span.began - self._began) / 1e3,
                    "dur": span.nanoseconds / 1e3,
                    "pid": os.getpid(),
                    "tid": span.thread,
                    "args": {**facts, "flops": span.flops},
                }
            )
            if self.profile_memory:
                events.append(
                    {
                        "ph": "C",
                        "name": "bytes alive",
                        "ts": (span.ended - self._began) / 1e3,
                        "pid": os.getpid(),
                        "args": {"bytes": span.memory},
                    }
                )
        text = json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})
        Path(path).write_text(text, encoding="utf-8")

    def export_html(self, path: str | os.PathLike[str]) -> None:
        """Write the spans as one page for a browser: a timeline, and the table under it."""
        Path(path).write_text(page(self.spans, str(self.key_averages())), encoding="utf-8")


class _TimedModules(ModuleCalls):
    """The calls of modules as spans."""

    def __init__(self, model: Any, into: profile) -> None:
        super().__init__(model, self._ended)
        self._into = into
        self._times: dict[ModuleCall, int] = {}

    def _begin(self, module: Any, arguments: Any) -> None:
        super()._begin(module, arguments)
        self._times[self.calls[-1]] = perf_counter_ns()

    def _ended(self, call: ModuleCall, arguments: Any, output: Any) -> None:
        name = f"{call.path or 'model'} ({call.kind})"
        self._into._add(name, "module", self._times.pop(call), perf_counter_ns())


class record_function:
    """Name a block, or a function, in the profiles that run: a context manager and a decorator.

    >>> import minigrad as torch
    >>> with torch.profiler.profile() as p:
    ...     with torch.profiler.record_function("mine"):
    ...         y = torch.ones(2) * 2
    >>> [a.key for a in p.key_averages()]
    ['mine', 'mul']
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        self._began = perf_counter_ns()
        return self

    def __exit__(self, *error: object) -> None:
        for running in _running:
            running._add(self.name, "block", self._began, perf_counter_ns())

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """As a decorator: every call of the function is a block of this name."""

        @functools.wraps(fn)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return fn(*args, **kwargs)

        return named
