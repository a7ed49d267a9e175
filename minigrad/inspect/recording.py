"""Writing down what a block of a program computes: values, lines, modules, gradients."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np

from minigrad.autograd.graph import Node, call_site
from minigrad.autograd.modes import is_grad_enabled
from minigrad.autograd.taps import Heard, listen
from minigrad.inspect.calls import ModuleCall, ModuleCalls
from minigrad.inspect.events import Arrays, Derived, Event
from minigrad.inspect.updates import Updates
from minigrad.inspect.values import Snapshot, snapshot

__all__ = ["Recording", "record"]


class Recording:
    """What happened in the block of :func:`record`.

    ``graph``, ``steps`` and ``page`` take it, and then know values and modules as well; ``explain``
    reads it.

    >>> from minigrad import inspect, ones
    >>> with inspect.record() as recording:
    ...     y = ones(2).exp()
    >>> [(event.name, str(event.line.text)) for event in recording.events]
    [('exp', 'ones(2).exp()')]
    """

    def __init__(self, model: Any = None) -> None:
        self.model = model
        self.names: dict[str, Any] = {} if model is None else dict(model.named_parameters())
        self.modules = None if model is None else ModuleCalls(model)
        self.arrays = Arrays()
        self.events: list[Event] = []
        self.sweeps: list[list[Derived]] = []  # the derivatives of each backward
        self.updates = Updates(self.names)
        self.error: BaseException | None = None  # that ended the block
        self._ticks: list[int] = []

    def __enter__(self) -> Recording:
        self.updates.begin()
        if self.modules is not None:
            self.modules.__enter__()
        self._listening = listen(self._hear)
        self._listening.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.error = error
        self._listening.__exit__(kind, error, trace)
        if self.modules is not None:
            self.modules.__exit__(kind, error, trace)
        self.updates.end()

    def _hear(self, heard: Heard) -> None:
        if heard.node is not None:
            self._hear_derivative(heard)
            return
        results = heard.result if isinstance(heard.result, (tuple, list)) else (heard.result,)
        results = results[: len(results) - len(heard.op.keeps)]
        if not all(isinstance(r, np.ndarray) for r in results) or not results:
            return
        count = (heard.op.variadic and len(heard.arguments)) or len(heard.op.inputs)
        given = heard.arguments[:count]
        taken = tuple(self.arrays.source(a) for a in given if isinstance(a, np.ndarray))
        numbers = tuple(a for a in given if not isinstance(a, np.ndarray))
        code, lasti = call_site(2)
        event = Event(
            snapshot(results[0]),
            None,
            heard.op,
            taken,
            numbers + heard.arguments[count:],
            is_grad_enabled(),
            code,
            lasti,
            heard.tick,
        )
        for source in taken:
            if isinstance(source, Event):
                source.users.append(event)
        for array in results:
            self.arrays.put(array, event)
        self.events.append(event)
        self._ticks.append(heard.tick)

    def _hear_derivative(self, heard: Heard) -> None:
        g = heard.arguments[0]
        parts = g if isinstance(g, tuple) else (g,)
        came = next((p for p in parts if p is not None), None)
        found = heard.result if isinstance(heard.result, (tuple, list)) else (heard.result,)
        gave = [r for r in found if r is not None]
        if came is None or any(hasattr(part, "_array") for part in (came, *gave)):
            return  # Tensors: a derivative that is recorded itself
        assert heard.node is not None
        last = self.events[-1].tick if self.events else 0
        if not self.sweeps or last > self.sweeps[-1][-1].tick:
            self.sweeps.append([])
            self.updates.backward_begins()
        masked = all(_nan_only_where_zero(r, came) for r in gave)
        outgoing = tuple(snapshot(r) for r in gave)
        derived = Derived(heard.node, heard.tick, snapshot(came), outgoing, masked)
        self.sweeps[-1].append(derived)

    def value(self, node: Node) -> Snapshot | None:
        """What the op of a node gave; None if it ran before or after the recording."""
        event = self.event(node)
        return None if event is None else event.value

    def event(self, node: Node) -> Event | None:
        """The forward that a node was born of."""
        place = bisect_right(self._ticks, node.seq) - 1
        if place >= 0 and self.events[place].op is node.op:
            return self.events[place]
        return None

    @property
    def last(self) -> int:
        """The tick of the last event."""
        return self.events[-1].tick if self.events else 0

    def losses(self) -> list[float]:
        """The value that each backward began with, where an op made it."""
        made = [self.event(sweep[0].node) for sweep in self.sweeps]
        return [event.value.mean for event in made if event is not None]

    def flowed(self) -> dict[Event, Node]:
        """The events through which a backward ran, with their nodes."""
        found: dict[Event, Node] = {}
        for sweep in self.sweeps:
            for derived in sweep:
                event = self.event(derived.node)
                if event is not None:
                    found[event] = derived.node
        return found

    def call(self, node: Node) -> ModuleCall | None:
        """The call of a module in which a node was born."""
        return None if self.modules is None else self.modules.at(node.seq)


def _nan_only_where_zero(result: Any, came: Any) -> bool:
    """Whether a derivative is NaN somewhere, and only at places to which no gradient came."""
    if getattr(result, "shape", None) != came.shape or result.dtype.kind != "f":
        return False
    bad = np.isnan(result)
    return bool(bad.any()) and not bool(came[bad].any())


def record(model: Any = None) -> Recording:
    """Write down what ops compute inside a ``with`` block, and, given a model, its modules' calls.

    Values of up to 4096 elements are kept whole, larger ones as statistics and a thinned-out
    picture. The block runs several times slower.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> with inspect.record() as recording:
    ...     loss = (x * 3).sum()
    >>> for node in inspect.graph(loss, recording).nodes[1:]:
    ...     print(node.name, node.value.values)
    mul [3. 6.]
    sum 9.0
    """
    return Recording(model)
