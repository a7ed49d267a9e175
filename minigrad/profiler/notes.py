"""What a profile writes down while a program runs: as little as can be, the rest is for later.

Around each forward and each derivative stands a function that reads the clock twice and the sizes
of the arrays, and keeps no array. Calls of one op with arrays of the same sizes share one `Kind`,
so a call adds four references to a list of its thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import chain
from time import perf_counter_ns
from typing import Any

import numpy as np

from minigrad.autograd.apply import as_array
from minigrad.autograd.graph import Node
from minigrad.autograd.op import Op

__all__ = ["Kind", "Note", "Notes"]

ndarray = np.ndarray
# An op; whose derivative it was (None: a forward, -1: those of all arguments); and the sizes: how
# many arrays came out, a shape (of the first; of a node's output), their bytes, then by turns the
# shapes and bytes of what came in, and the node's name where ops choose it. Or: a name and a kind.
Kind = tuple[Any, ...]
Note = tuple[Kind, int, int, Any, int]  # a kind, when it began and ended, what was watched, thread


class _IsArray(dict[Any, bool]):
    """Whether instances of a class are arrays; each class is asked once."""

    def __missing__(self, cls: Any) -> bool:
        self[cls] = hasattr(cls, "nbytes")
        return self[cls]


class _Kinds(dict[Any, Kind]):
    """The kinds of the calls of one function, by the sizes of their arrays."""

    def __init__(self, *which: Any) -> None:
        self._which = which

    def __missing__(self, sizes: Any) -> Kind:
        self[sizes] = kind = (*self._which, sizes)
        return kind


class _Here(threading.local):
    """The notes of a thread, four values each."""

    def __init__(self, threads: list[tuple[int, list[Any]]]) -> None:
        self.notes: list[Any] = []
        self.put = self.notes.extend
        threads.append((threading.get_ident(), self.notes))


is_array = _IsArray()


class Notes:
    """Notes of what runs, if ``forward`` and ``pull`` are put around it: see `taps.wrapped`.

    ``begin`` is called before each op, ``watch`` with what it returned and the op's result
    afterwards; what this returns stands in the note.

    >>> notes = Notes()
    >>> notes.add("mine", "block", 1000, 3000)
    >>> [note[:3] for note in notes.take()]
    [(('mine', 'block'), 1000, 3000)]
    """

    def __init__(
        self,
        begin: Callable[[], Any] | None = None,
        watch: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self._threads: list[tuple[int, list[Any]]] = []
        self._here = _Here(self._threads)
        # What is watched is known after the op was noted, so its note waits here.
        self._held = self._here if watch is None else _Here([])
        self._begin, self._watch = begin, watch

    def add(self, name: str, kind: str, began: int, ended: int) -> None:
        """Note something that is no op."""
        self._here.put(((name, kind), began, ended, None))

    def take(self) -> list[Note]:
        """All notes, in the order of their ends; they are gone then."""
        taken = []
        for thread, notes in tuple(self._threads):
            values = tuple(notes)
            del notes[: len(values)]
            taken.append([(*note, thread) for note in zip(*[iter(values)] * 4, strict=True)])
        return sorted(chain(*taken), key=lambda note: note[2])

    def forward(self, op: type[Op], forward: Callable[..., Any]) -> Callable[..., Any]:
        """A forward that is noted."""
        kinds, here, now = _Kinds(op, None), self._held, perf_counter_ns

        def noted(*args: Any, **params: Any) -> Any:
            began = now()
            result = forward(*args, **params)
            ended = now()
            if type(result) is ndarray:
                sizes: Any = (1, result.shape, result.nbytes)
            else:
                sizes = _sizes(result)
            for a in args:
                if type(a) is ndarray or is_array[type(a)]:
                    sizes += (a.shape, a.nbytes)
            if params:
                for a in params.values():
                    if is_array[type(a)]:
                        sizes += (a.shape, a.nbytes)
            here.put((kinds[sizes], began, ended, None))
            return result

        return noted if self._watch is None else self._watched(noted, _made(op))

    def pull(self, op: type[Op], pull: Callable[..., Any], argument: int) -> Callable[..., Any]:
        """A derivative that is noted."""
        kinds, here, now = _Kinds(op, argument), self._held, perf_counter_ns
        names = callable(op.grad_fn)  # the node's name is not the same for all

        def noted(g: Any, saved: Any, node: Node, F: Any) -> Any:
            began = now()
            result = pull(g, saved, node, F)
            ended = now()
            if type(result) is ndarray:
                sizes: Any = (1, node.shape, result.nbytes)
            else:
                count, _, size = _sizes(result)
                sizes = (count, node.shape, size)
            if type(g) is ndarray or is_array[type(g)]:
                sizes += (g.shape, g.nbytes)
            if type(node.saved) is tuple:
                for a in node.saved:
                    if type(a) is ndarray or is_array[type(a)]:
                        sizes += (a.shape, a.nbytes)
            if names:
                sizes += (node.name(),)
            here.put((kinds[sizes], began, ended, None))
            return result

        return noted if self._watch is None else self._watched(noted, lambda result: result)

    def _watched(self, noted: Callable[..., Any], made: Callable[[Any], Any]) -> Any:
        """A function that is noted, and whose note says what was watched, too."""
        begin, watch, here, held = self._begin, self._watch, self._here, self._held
        assert watch is not None

        def watched(*args: Any, **params: Any) -> Any:
            before = None if begin is None else begin()
            result = made(noted(*args, **params))
            kind, began, ended, _ = held.notes[-4:]
            held.notes.clear()
            here.put((kind, began, ended, watch(before, result)))
            return result

        return watched


def _sizes(result: Any) -> tuple[int, Any, int]:
    """How many arrays there are in a result, the shape of the first, and the bytes of all."""
    count, shape, nbytes = 0, (), 0  # a loop, as comprehensions would take twice as long
    for a in result if type(result) in (tuple, list) else (result,):
        if type(a) is ndarray or is_array[type(a)]:
            shape = shape if count else a.shape
            count, nbytes = count + 1, nbytes + a.nbytes
    return count, shape, nbytes


def _made(op: type[Op]) -> Callable[[Any], Any]:
    """What makes of a forward's result the very arrays that Tensors will have, not scalars."""
    if op.outputs == 1 and op.keeps:
        return lambda result: (as_array(result[0]), *result[1:])
    return as_array
