"""What the lines of a program change: each tensor that a line makes or writes, as it is left.

The same program runs the same lines under minigrad and under torch; so two runs can be held
against each other line by line, and within a line op by op.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from minigrad.testing.parity import array_of

__all__ = ["Change", "Line", "Ran", "Tracer"]

LARGEST = 1_000_000  # elements that are compared of one tensor


@dataclass(frozen=True)
class Change:
    """A tensor after a line: by what name, and what it holds."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    values: Any
    made_by: str  # the node that recorded it, as "AddBackward0"


@dataclass(frozen=True)
class Ran:
    """What an op gave, and the line in which it ran."""

    number: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    values: Any


@dataclass(frozen=True)
class Line:
    """A line that changed something, and the ops that ran since the last that did."""

    number: int
    function: str
    changes: tuple[Change, ...]
    ops: tuple[Ran, ...] = ()


class Tracer:
    """Follows the lines of one file, and tells of each that changes a tensor.

    >>> from minigrad.testing.tracing import Tracer
    >>> seen = []
    >>> code = compile("import minigrad; x = minigrad.ones(2)", "<example>", "exec")
    >>> with Tracer("<example>", seen.append):
    ...     exec(code, {})
    >>> [change.name for change in seen[0].changes]
    ['x']
    """

    def __init__(self, path: str, tell: Callable[[Line], None]) -> None:
        self.path, self.tell = path, tell
        self.known: dict[tuple[int, str], int] = {}  # by frame and name: a sum over its contents
        self.followed: dict[str, bool] = {}  # by file name: whether its lines are followed
        self.at: dict[int, int] = {}  # by frame: the line that runs
        self.now = (0, "")  # the line that runs, and its function
        self.callers: list[tuple[int, str]] = []  # the lines that called it
        self.ops: list[Ran] = []  # that ran since something was told
        self.looking = False  # reading values may itself run ops

    def __enter__(self) -> Tracer:
        sys.settrace(self._enter)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)
        if self.ops:
            self._told(())

    def heard(self, name: str, result: Any) -> None:
        """Note what an op gave: an array, or a tensor of either library."""
        if self.looking:
            return
        kind = str(result.dtype).rpartition(".")[2]
        array = result if isinstance(result, np.ndarray) else array_of(result)
        if kind == "bfloat16":
            array = array.astype(np.float32)
        self.ops.append(Ran(self.now[0], name, kind, tuple(array.shape), first(array)))

    def _told(self, changes: tuple[Change, ...]) -> None:
        ops, self.ops = tuple(self.ops), []
        self.tell(Line(*self.now, changes, ops))

    def _listens(self, on: bool) -> None:
        self.looking = not on
        sys.settrace(self._enter if on else None)

    def layer(self, module: Any, inputs: Any, output: Any) -> None:
        """A forward hook: tell what a layer gave, inside the line that called it."""
        self._listens(False)
        name = f"{type(module).__name__}({module.extra_repr()})"
        found = tuple(change(own, tensor) for own, tensor in _in_value(name, output, 2))
        if found and self.now[0]:
            self._told(found)
        self._listens(True)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        own = frame.f_code.co_filename
        if own not in self.followed:
            self.followed[own] = own == self.path or os.path.realpath(own) == self.path
        if not self.followed[own]:
            return None
        self.callers.append(self.now)
        return self._step

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event in ("line", "return"):
            before = self.at.get(id(frame))
            if before is not None:
                self._look(frame, before)
            self.at[id(frame)] = frame.f_lineno
            self.now = (frame.f_lineno, frame.f_code.co_name)
            if event == "return":
                del self.at[id(frame)]
                self.now = self.callers.pop() if self.callers else self.now
                self.known = {k: v for k, v in self.known.items() if k[0] != id(frame)}
        return self._step

    def _look(self, frame: FrameType, number: int) -> None:
        """Tell what the last line changed."""
        self._listens(False)
        changes = []
        for name, tensor in _tensors(dict(frame.f_locals)):
            held = zlib.crc32(np.ascontiguousarray(array_of(tensor)).tobytes())
            if self.known.get((id(frame), name)) != held:
                self.known[id(frame), name] = held
                changes.append(change(name, tensor))
        if changes:
            self.now = (number, frame.f_code.co_name)
            self._told(tuple(changes))
        self._listens(True)


def change(name: str, tensor: Any) -> Change:
    """A tensor of either library as it is now."""
    values = array_of(tensor)
    kind = str(tensor.dtype).rpartition(".")[2]
    node = getattr(tensor, "grad_fn", None)
    made_by = "" if node is None else node.name().rpartition("::")[2]
    return Change(name, kind, tuple(values.shape), first(values), made_by)


def first(values: Any) -> Any:
    """A copy of the values, or of the first of them if they are many.

    >>> import numpy as np
    >>> from minigrad.testing.tracing import first
    >>> first(np.ones(2_000_000)).shape
    (1000000,)
    """
    return np.array(values.reshape(-1)[:LARGEST] if values.size > LARGEST else values)


def _tensors(names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The tensors among the values of names, those of modules and of short lists too."""
    for name, value in names.items():
        yield from _in_value(name, value, 2)


def _in_value(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    kind = type(value)
    if isinstance(value, (type, ModuleType)) or name.startswith("__"):
        return
    if hasattr(kind, "detach") and hasattr(kind, "dtype"):
        yield name, value
        if value.is_leaf and value.grad is not None:
            yield f"{name}.grad", value.grad
    elif hasattr(kind, "named_parameters"):
        for own, parameter in value.named_parameters():
            yield from _in_value(f"{name}.{own}", parameter, 0)
        for own, buffer in value.named_buffers():
            yield f"{name}.{own}", buffer
    elif depth and kind in (list, tuple) and len(value) <= 16:
        for number, part in enumerate(value):
            yield from _in_value(f"{name}[{number}]", part, depth - 1)
    elif depth and kind is dict and len(value) <= 16:
        for key, part in value.items():
            yield from _in_value(f"{name}[{key!r}]", part, depth - 1)
