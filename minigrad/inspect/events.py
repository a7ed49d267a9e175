"""What ops did while a recording ran: values, lines, and which value came from where."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any

from minigrad.autograd.graph import Node
from minigrad.inspect.source import Line, line_of
from minigrad.inspect.values import Snapshot, snapshot

__all__ = ["Arrays", "Derived", "Event", "Source"]


@dataclass(eq=False)
class Source:
    """A value that an op took: an array that some event made, or one from outside."""

    value: Snapshot
    maker: Event | None = None  # None: it was there before, or no op made it


@dataclass(eq=False)
class Event(Source):
    """A forward that ran."""

    op: Any = None
    inputs: tuple[Source, ...] = ()
    params: tuple[Any, ...] = ()
    recorded: bool = True  # whether operations were recorded at that time
    code: CodeType | None = None
    lasti: int = 0
    tick: int = 0
    users: list[Event] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What people call the op."""
        return str(self.op.called or self.op.name)

    @cached_property
    def line(self) -> Line | None:
        """The user's line."""
        return line_of(self.code, self.lasti)


@dataclass(eq=False)
class Derived:
    """A derivative that ran: what came into a node, and what it gave for one argument or all."""

    node: Node
    tick: int
    incoming: Snapshot
    outgoing: tuple[Snapshot, ...]
    nan_where_zero: bool  # NaN in what goes out only where what came in is zero

    @cached_property
    def line(self) -> Line | None:
        """The user's line that made the node."""
        return line_of(self.node.code, self.node.lasti)

    @property
    def name(self) -> str:
        """What people call the op."""
        return str(self.node.op.called or self.node.op.name)


class Arrays:
    """Arrays by identity, as long as they live: where each came from."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Source]] = {}

    def source(self, array: Any) -> Source:
        """Where an array came from; one that was never seen comes from outside."""
        found = self._known.get(id(array))
        if found is not None and found[0]() is array:
            return found[1]
        source = Source(snapshot(array))
        self.put(array, source)
        return source

    def put(self, array: Any, source: Source) -> None:
        """Remember where an array came from."""
        self._known[id(array)] = (weakref.ref(array), source)

    def known(self, array: Any) -> Source | None:
        """Where an array came from, if it was seen."""
        found = self._known.get(id(array))
        return found[1] if found is not None and found[0]() is array else None
