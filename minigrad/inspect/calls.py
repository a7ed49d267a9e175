"""Which module an op was run by: the calls of modules, as intervals on the clock of the graph."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from minigrad.autograd.graph import tick

__all__ = ["ModuleCall", "ModuleCalls"]


@dataclass(eq=False)
class ModuleCall:
    """One call of a module: its path in the model, and when it ran."""

    path: str  # "" for the model itself
    module: Any
    outer: ModuleCall | None
    began: int  # ticks
    ended: int = 0  # 0: it raised, or still runs

    @property
    def kind(self) -> str:
        """The name of the module's class."""
        return type(self.module).__name__

    @property
    def depth(self) -> int:
        """How many calls it stands in."""
        return 0 if self.outer is None else self.outer.depth + 1

    def within(self, depth: int) -> ModuleCall:
        """The call at that depth that this one is, or stands in."""
        call = self
        while call.depth > depth and call.outer is not None:
            call = call.outer
        return call


@dataclass
class ModuleCalls:
    """Watches the modules of a model in a ``with`` block.

    >>> from minigrad import nn, ones
    >>> with ModuleCalls(nn.Sequential(nn.Linear(2, 2), nn.ReLU())) as calls:
    ...     y = calls.model(ones(1, 2))
    >>> [(call.path, call.kind, call.depth) for call in calls.calls]
    [('', 'Sequential', 0), ('0', 'Linear', 1), ('1', 'ReLU', 1)]
    >>> calls.at(y.grad_fn.seq).path
    '1'
    """

    model: Any
    note: Callable[[ModuleCall, Any, Any], None] | None = None  # of a call, arguments and output
    calls: list[ModuleCall] = field(default_factory=list)

    def __enter__(self) -> ModuleCalls:
        self._paths = {id(module): path for path, module in self.model.named_modules()}
        self._running: list[ModuleCall] = []
        self._handles = [
            handle
            for module in self.model.modules()
            for handle in (
                module.register_forward_pre_hook(self._begin),
                module.register_forward_hook(self._end),
            )
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _begin(self, module: Any, arguments: Any) -> None:
        while self._running and self._running[-1].ended:
            self._running.pop()
        outer = self._running[-1] if self._running else None
        call = ModuleCall(self._paths[id(module)], module, outer, tick())
        self._running.append(call)
        self.calls.append(call)

    def _end(self, module: Any, arguments: Any, output: Any) -> None:
        call = self._running.pop()
        while call.module is not module and self._running:  # what stood in it raised
            call = self._running.pop()
        call.ended = tick()
        if self.note is not None:
            self.note(call, arguments, output)

    def at(self, moment: int) -> ModuleCall | None:
        """The innermost call that ran at a tick."""
        place = bisect(self.calls, moment, key=lambda call: call.began) - 1
        call = self.calls[place] if place >= 0 else None
        while call is not None and 0 < call.ended < moment:
            call = call.outer
        return call
