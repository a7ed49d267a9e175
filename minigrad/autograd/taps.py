"""Listening to ops: every forward and every derivative that runs, with its arrays and its time.

A short cut keeps its forward in a variable of its closure, a derivative stands in ``Op.pulls``.
While somebody listens, functions that tell of each call stand there instead; what nobody listens to
costs nothing. Graph viewers and the comparison of programs are made of this; the profiler, which
has to be fast, puts functions of its own there.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Protocol

from minigrad.autograd.apply import as_array
from minigrad.autograd.graph import Node, tick
from minigrad.autograd.op import Op
from minigrad.autograd.readings import read_aloud
from minigrad.autograd.registry import ALL_OPS

__all__ = ["Heard", "Wrapper", "listen", "wrapped"]


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


Listener = Callable[[Heard], None]


class Wrapper(Protocol):
    """What makes functions that stand around an op's own, and call it with what they are given."""

    def forward(self, op: type[Op], forward: Callable[..., Any]) -> Callable[..., Any]:
        """A forward, around one; with or without ``xp`` as its first argument."""

    def pull(self, op: type[Op], pull: Callable[..., Any], argument: int) -> Callable[..., Any]:
        """A derivative ``pull(g, saved, node, F)``, around one; ``argument`` as in `Heard`."""


class _Here(threading.local):
    deaf = False  # while a listener runs, which may use ops itself


_listeners: tuple[Listener, ...] = ()
_wrappers: tuple[Wrapper, ...] = ()
_undo: list[Callable[[], None]] = []
_lock = threading.Lock()
_here = _Here()


@contextmanager
def listen(listener: Listener) -> Generator[None, None, None]:
    """Tell ``listener`` of every forward and derivative that runs in a block, on any thread.

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
    global _listeners
    with _lock:
        _listeners = (*_listeners, listener)
        if len(_listeners) == 1:
            _tap_all()
    try:
        yield
    finally:
        with _lock:
            _listeners = _without(_listeners, listener)
            if not _listeners:
                _tap_all()


@contextmanager
def wrapped(wrapper: Wrapper) -> Generator[None, None, None]:
    """Put functions around every forward and derivative in a block, on any thread.

    They stand inside of what tells listeners: they measure none of it, and meet no op of theirs.

    >>> import minigrad as torch
    >>> class Saying:
    ...     def forward(self, op, forward):
    ...         return lambda *given, **named: print(op.name) or forward(*given, **named)
    ...     def pull(self, op, pull, argument):
    ...         return pull
    >>> with wrapped(Saying()):
    ...     y = torch.ones(2) * 3
    mul
    """
    global _wrappers
    with _lock:
        _wrappers = (*_wrappers, wrapper)
        _tap_all()
    try:
        yield
    finally:
        with _lock:
            _wrappers = _without(_wrappers, wrapper)
            _tap_all()


def _without(all_of: tuple[Any, ...], one: Any) -> tuple[Any, ...]:
    rest = list(all_of)
    rest.remove(one)
    return tuple(rest)


def _tap_all() -> None:
    """Put every op's own functions back, and around them whatever is wanted now."""
    while _undo:
        _undo.pop()()
    wanted = bool(_listeners or _wrappers)
    read_aloud(wanted)
    if wanted:
        for op in ALL_OPS:
            _tap(op)


def _tell(
    op: type[Op],
    arguments: tuple[Any, ...],
    result: Any,
    node: Node | None,
    began: int,
    ended: int,
    argument: int = -1,
) -> None:
    _here.deaf = True
    try:
        heard = Heard(op, arguments, result, node, began, ended, tick(), argument)
        for listener in _listeners:
            listener(heard)
    finally:
        _here.deaf = False


def _tap(op: type[Op]) -> None:
    """Put functions in the place of an op's own, and note how to put those back."""
    forward = op.forward
    # A first call reads a front's arguments off forward's signature.
    op.forward = staticmethod(functools.wraps(forward)(_around(op, forward, 1)))
    _undo.append(lambda: setattr(op, "forward", staticmethod(forward)))
    for cut in op.cuts:
        if "forward" in cut.__code__.co_freevars:
            cell: Any = cut.__closure__[cut.__code__.co_freevars.index("forward")]
            _undo.append(_put_back(cell, cell.cell_contents))
            cell.cell_contents = _around(op, cell.cell_contents, 0)
    for name in ("joint", "pulls"):
        pull: Any = getattr(op, name)
        if pull is not None:
            several = isinstance(pull, tuple)
            told: Any = (
                tuple(_around_pull(op, p, place) for place, p in enumerate(pull))
                if several
                else _around_pull(op, pull, -1)
            )
            setattr(op, name, told)
            _undo.append(_put_back_attribute(op, name, pull))


def _put_back(cell: Any, contents: Any) -> Callable[[], None]:
    return lambda: setattr(cell, "cell_contents", contents)


def _put_back_attribute(op: type[Op], name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(op, name, value)


def _around(op: type[Op], own: Callable[..., Any], skipped: int) -> Callable[..., Any]:
    """A forward with all that is wanted; the first ``skipped`` arguments are no news."""
    forward = own
    for wrapper in _wrappers:
        forward = wrapper.forward(op, forward)
    if not _listeners:
        return forward

    def told(*args: Any, **params: Any) -> Any:
        if _here.deaf:
            return own(*args, **params)
        began = perf_counter_ns()
        result = forward(*args, **params)
        ended = perf_counter_ns()
        # What is told is the very array that the Tensor will have, and not a scalar of NumPy.
        one = op.outputs == 1
        result = (as_array(result[0]), *result[1:]) if one and op.keeps else as_array(result)
        _tell(op, (*args[skipped:], *params.values()), result, None, began, ended)
        return result

    return told


def _around_pull(op: type[Op], own: Any, argument: int) -> Any:
    """A derivative with all that is wanted."""
    if own is None:
        return None
    pull = own
    for wrapper in _wrappers:
        pull = wrapper.pull(op, pull, argument)
    if not _listeners:
        return pull

    def told(g: Any, saved: Any, node: Node, F: Any) -> Any:
        if _here.deaf:
            return own(g, saved, node, F)
        began = perf_counter_ns()
        result = pull(g, saved, node, F)
        _tell(op, (g,), result, node, began, perf_counter_ns(), argument)
        return result

    return told
