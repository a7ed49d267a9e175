"""``profile`` and ``record_function``."""

from __future__ import annotations

import functools
import json
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from minigrad.autograd.taps import wrapped
from minigrad.inspect.calls import ModuleCall, ModuleCalls
from minigrad.profiler.averages import Averages
from minigrad.profiler.memory import Alive
from minigrad.profiler.notes import Notes
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
    the time of Python and of the program. With ``ProfilerActivity.CUDA`` among ``activities`` the
    time of the card is measured too, by events in its stream; without a card that is warned of.
    Of torch's other words, ``with_flops`` is always so, ``with_modules`` needs ``model``, and
    ``with_stack`` records nothing here.

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
        asked = set(activities or ())
        self._device = _device_time() if ProfilerActivity.CUDA in asked else None
        measured = {ProfilerActivity.CPU} | ({ProfilerActivity.CUDA} if self._device else set())
        other = sorted(a.name for a in asked - measured)
        if other:
            warnings.warn(
                f"profile: {', '.join(other)} is not measured: there is no such device",
                stacklevel=2,
            )
        self.record_shapes, self.profile_memory, self.model = record_shapes, profile_memory, model
        self.on_trace_ready, self.schedule = on_trace_ready, schedule
        self.step_num = 0
        self._alive = Alive() if profile_memory else None
        self._spans: list[Span] = []
        self._notes = self._new_notes()
        self._depths: dict[int, int] = {}  # see `span_of`
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
        if self._device is not None:
            _ = self.spans  # waits for the card, while it is there
        if saves and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self) -> None:
        """Say that a step of the program ends here."""
        before, now = self._action, perf_counter_ns()
        if before in _RECORDING:
            self._notes.add(f"ProfilerStep#{self.step_num}", "step", self._step_began, now)
        if before is ProfilerAction.RECORD_AND_SAVE and self.schedule is not None:
            self._deafen()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        self.step_num += 1
        after = self._action
        if after in _RECORDING and not self._stop:
            self._spans, self._notes = [], self._new_notes()
            self._listen()
        elif after not in _RECORDING:
            self._deafen()
        self._step_began = perf_counter_ns()

    def _listen(self) -> None:
        self._began = perf_counter_ns()
        noting = wrapped(self._notes)
        noting.__enter__()
        _running.append(self)
        self._stop = [
            functools.partial(noting.__exit__, None, None, None),
            functools.partial(_running.remove, self),
        ]
        if self.model is not None:
            modules = _TimedModules(self.model, self)
            modules.__enter__()
            self._stop.append(modules.__exit__)

    def _deafen(self) -> None:
        while self._stop:
            self._stop.pop()()

    def _new_notes(self) -> Notes:
        if self._device is None and self._alive is None:
            return Notes()
        return Notes(None if self._device is None else self._device.mark, self._watch)

    def _watch(self, begin: Any, result: Any) -> tuple[int, Any]:
        """The bytes alive after an op, and the card's events around it."""
        alive = 0 if self._alive is None else self._alive.count(result)
        return alive, None if self._device is None else self._device.pair(begin, result)

    @property
    def spans(self) -> list[Span]:
        """Every span so far, in the order of its end."""
        for note in self._notes.take():
            span = span_of(note, self._depths)
            if (watched := note[3]) is not None:
                span.memory, pair = watched
                if self._device is not None:
                    span.device = self._device.nanoseconds(pair)
            self._spans.append(span)
        return self._spans

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
                    "args": {**facts, "flops": span.flops, "device us": span.device / 1e3},
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


def _device_time() -> Any:
    """What measures a card; None without one."""
    from minigrad import cuda
    from minigrad.profiler.device_time import DeviceTime

    return DeviceTime() if cuda.is_available() else None


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
        self._into._notes.add(name, "module", self._times.pop(call), perf_counter_ns())


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
            running._notes.add(self.name, "block", self._began, perf_counter_ns())

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """As a decorator: every call of the function is a block of this name."""

        @functools.wraps(fn)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return fn(*args, **kwargs)

        return named
