"""Listening to ops: every forward and every derivative that runs, with its arrays and its time.

A short cut keeps its forward in a variable of its closure, a derivative stands in ``Op.pulls``.
While somebody listens, functions that tell of each call stand there instead; what nobody listens to
costs nothing. Graph viewers, the profiler and the comparison of programs are made of this.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from minigrad.autograd.apply import as_array
from minigrad.autograd.graph import Node, tick
from minigrad.autograd.op import Op
from minigrad.autograd.readings import read_aloud
from minigrad.autograd.registry import ALL_OPS

__all__ = ["Heard", "listen"]


@dataclass(slots=True)
class Heard:
    """One call of a forward, or, with the ``node`` that it belongs to, of a derivative."""

    op: type[Op]
    arguments: tuple[Any, ...]  # arrays and parameters; of a derivative only the cotangent
    result: Any  # an array, or a tuple of them
    node: Node | None
    began: int  # nanoseconds of time.perf_counter_ns
    ended: int
    tick: int  # on the clock of the graph: a node born of this forward has a later one
    argument: int = -1  # whose derivative it is; -1: those of all arguments, or a forward
    mark: Any = None  # what ``before`` returned


Listener = Callable[[Heard], None]


class _Here(threading.local):
    deaf = False  # while a listener runs, which may use ops itself


_listeners: tuple[Listener, ...] = ()
_before: Callable[[], Any] | None = None
_undo: list[Callable[[], None]] = []
_lock = threading.Lock()
_here = _Here()


@contextmanager
def listen(
    listener: Listener, before: Callable[[], Any] | None = None
) -> Generator[None, None, None]:
    """Tell ``listener`` of every forward and derivative that runs in a block, on any thread.

    ``before`` is called before each; what it returns is told as well. Only one can be.

    >>> import minigrad as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> def say(heard):
    ...     print(heard.op.name, "backward" if heard.node else "forward")
    >>> with listen(say):
    ...     (x * 3).sum().backward()
    mul forward
    sum forward
    sum backward
    mul backward
    """
    global _listeners, _before
    with _lock:
        if not _listeners:
            read_aloud(True)
            for op in ALL_OPS:
                _tap(op)
        _listeners = (*_listeners, listener)
        earlier, _before = _before, before or _before
    try:
        yield
    finally:
        with _lock:
            rest = list(_listeners)
            rest.remove(listener)
            _listeners, _before = tuple(rest), earlier
            if not rest:
                read_aloud(False)
                while _undo:
                    _undo.pop()()


def _tell(
    op: type[Op],
    arguments: tuple[Any, ...],
    result: Any,
    node: Node | None,
    began: int,
    ended: int,
    mark: Any,
    argument: int = -1,
) -> None:
    if not _here.deaf:
        _here.deaf = True
        try:
            heard = Heard(op, arguments, result, node, began, ended, tick(), argument, mark)
            for listener in _listeners:
                listener(heard)
        finally:
            _here.deaf = False


def _tap(op: type[Op]) -> None:
    """Put telling functions in the place of an op's own, and note how to put those back."""
    forward = op.forward
    op.forward = staticmethod(_telling(op, forward, 1))
    _undo.append(lambda: setattr(op, "forward", staticmethod(forward)))
    for cut in op.cuts:
        if "forward" in cut.__code__.co_freevars:
            cell: Any = cut.__closure__[cut.__code__.co_freevars.index("forward")]
            _undo.append(_put_back(cell, cell.cell_contents))
            cell.cell_contents = _telling(op, cell.cell_contents, 0)
    for name in ("joint", "pulls"):
        pull: Any = getattr(op, name)
        if pull is not None:
            several = isinstance(pull, tuple)
            told: Any = (
                tuple(_telling_pull(op, p, place) for place, p in enumerate(pull))
                if several
                else _telling_pull(op, pull, -1)
            )
            setattr(op, name, told)
            _undo.append(_put_back_attribute(op, name, pull))


def _put_back(cell: Any, contents: Any) -> Callable[[], None]:
    return lambda: setattr(cell, "cell_contents", contents)


def _put_back_attribute(op: type[Op], name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(op, name, value)


def _telling(op: type[Op], forward: Callable[..., Any], skipped: int) -> Callable[..., Any]:
    """A forward that tells of its calls; the first ``skipped`` arguments are no news."""

    @functools.wraps(forward)  # a first call reads a front's arguments off forward's signature
    def told(*args: Any, **params: Any) -> Any:
        mark = None if _before is None else _before()
        began = perf_counter_ns()
        result = forward(*args, **params)
        ended = perf_counter_ns()
        # What is told is the very array that the Tensor will have, and not a scalar of NumPy.
        one = op.outputs == 1
        result = (as_array(result[0]), *result[1:]) if one and op.keeps else as_array(result)
        _tell(op, (*args[skipped:], *params.values()), result, None, began, ended, mark)
        return result

    return told


def _telling_pull(op: type[Op], pull: Any, argument: int) -> Any:
    if pull is None:
        return None

    def told(g: Any, saved: Any, node: Node, F: Any) -> Any:
        mark = None if _before is None else _before()
        began = perf_counter_ns()
        result = pull(g, saved, node, F)
        _tell(op, (g,), result, node, began, perf_counter_ns(), mark, argument)
        return result

    return told
