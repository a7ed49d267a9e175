"""The ops of a run in order, each with what it was given and what it gave, to be run again.

A tape is made of plain values, so a file of it is read without running anybody's code. Each op is
run again by itself, on the arrays that it was given then: so what differs is its own doing, and no
inheritance of what differed before.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

import minigrad as torch
from minigrad.autograd.graph import call_site, source_line
from minigrad.autograd.op import arrays as on_arrays
from minigrad.autograd.parcels import Packed
from minigrad.autograd.registry import ALL_OPS
from minigrad.autograd.taps import Heard, listen
from minigrad.backend import native
from minigrad.testing.comparison import TOLERANCES
from minigrad.testing.ulps import farthest

__all__ = ["Again", "Tape", "run_again"]

LARGEST = 256 * 2**20  # bytes of arrays on a tape; then it ends
PLAIN = (bool, int, float, str, type(None))
FORGIVEN = {str(kind).rpartition(".")[2]: pair for kind, pair in TOLERANCES.items()}
Row = dict[str, Any]
# What an op raises for arguments that it does not take; a file may hold any.
REFUSALS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Unwritable(Exception):
    """A value that is no plain one."""


class Tape:
    """Writes down the ops of a block.

    >>> import minigrad as torch
    >>> from minigrad.testing.tape import Tape
    >>> with Tape() as tape:
    ...     y = torch.ones(2).exp().log()
    >>> [row["op"] for row in tape.rows]
    ['exp', 'log']
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.arrays: list[Any] = []
        self.bytes = 0
        self._known: dict[int, tuple[Any, int]] = {}  # by id: the array, and its place
        self._listening: AbstractContextManager[None]

    def __enter__(self) -> Tape:
        self._listening = listen(self._hear)
        self._listening.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._listening.__exit__(*error)
        self._known.clear()

    @property
    def whole(self) -> bool:
        """Whether all ops are on it."""
        return self.bytes <= LARGEST

    def held(self) -> dict[str, Any]:
        """What goes into a file."""
        tensors = [torch.from_numpy(array) for array in self.arrays]
        return {"rows": self.rows, "arrays": tensors, "whole": self.whole}

    def _hear(self, heard: Heard) -> None:
        if not self.whole:
            return
        row: Row = {"op": heard.op.name, "line": source_line(*call_site(2))}
        node = heard.node
        results = heard.result if isinstance(heard.result, (tuple, list)) else (heard.result,)
        try:
            if node is None:
                if heard.op.writes:
                    raise Unwritable("what it writes into was heard when it was written")
                results = results[: len(results) - len(heard.op.keeps)]
                row["given"] = self._written(heard.arguments)
            else:
                row |= {"gradient": heard.argument, "line": source_line(node.code, node.lasti)}
                row["given"] = self._written((*heard.arguments, *_of_node(node)))
            row["gave"] = self._written(tuple(results))
        except Unwritable as error:
            row["left out"] = str(error)
        self.rows.append(row)

    def _written(self, value: Any) -> Any:
        """A value in plain words: lists that begin with their kind, for what is not a number."""
        if isinstance(value, np.generic):  # np.float64 is a float, too
            value = np.asarray(value)
        if isinstance(value, PLAIN):
            return value
        if isinstance(value, np.ndarray):
            return ["array", self._place(value)]
        if _named(type(value)):
            name = f"{type(value).__module__}:{type(value).__qualname__}"
            return ["named", [name, *map(self._written, value)]]
        if isinstance(value, (tuple, list)):
            kind = "list" if isinstance(value, list) else "tuple"
            return [kind, [self._written(v) for v in value]]
        if isinstance(value, slice):
            parts = (value.start, value.stop, value.step)
            return ["slice", [self._written(v) for v in parts]]
        if value is Ellipsis:
            return ["...", 0]
        if isinstance(value, np.dtype):
            return ["array's dtype", value.name]
        if isinstance(value, torch.dtype):
            return ["dtype", str(value).rpartition(".")[2]]
        if isinstance(value, functools.partial):
            return None  # what moves running statistics: it has no part in the result
        raise Unwritable(f"a {type(value).__name__} is among its arguments")

    def _place(self, array: Any) -> int:
        """Where a copy of an array stands; a new one if the array was written since."""
        known = self._known.get(id(array))
        if known is not None and _same(self.arrays[known[1]], array):
            return known[1]
        self.arrays.append(np.array(array))
        self.bytes += array.nbytes
        self._known[id(array)] = array, len(self.arrays) - 1
        return len(self.arrays) - 1


def _named(kind: type) -> bool:
    """Whether a class is one of minigrad's own named tuples, which hold parameters of ops."""
    own = kind.__module__.startswith("minigrad.ops.") and hasattr(kind, "_fields")
    return own and issubclass(kind, tuple)


def _of_node(node: Any) -> tuple[Any, ...]:
    """What a derivative asks its node for."""
    if type(node.saved) is Packed:
        raise Unwritable("hooks packed what it saved")
    shapes = tuple(None if edge is None else tuple(edge.shape) for edge in node.edges)
    return tuple(node.saved), tuple(node.params), shapes


def _same(one: Any, other: Any) -> bool:
    return bool(one.shape == other.shape and one.tobytes() == np.asarray(other).tobytes())


def _equal(one: Any, other: Any) -> bool:
    """The same numbers of one type; a NaN is a NaN, whatever its sign."""
    if one.dtype != other.dtype or one.dtype.kind not in "fV":
        return one.dtype == other.dtype and _same(one, other)
    return np.array_equal(one.astype(np.float64), other.astype(np.float64), equal_nan=True)


@dataclass
class Again:
    """What came of a tape: how many ops agree, where they part, and what first was not finite."""

    ops: int = 0
    exact: int = 0
    left_out: int = 0
    reason: str = ""  # why the first of these was
    greatest: float = 0.0  # ulps
    parts: str = ""
    not_finite: str = ""  # then: the op that made the first NaN or infinity
    whole: bool = True

    def __str__(self) -> str:
        lines = [f"{self.ops} ops run again: {self.exact} give the same to the bit"]
        if self.greatest:
            lines[0] += f", the others are up to {self.greatest:.0f} ulps off"
        if self.left_out:
            lines.append(f"{self.left_out} could not be run again: {self.reason}")
        if not self.whole:
            lines.append(f"the tape ends after {LARGEST >> 20} MB")
        if self.not_finite:
            lines.append(f"first not finite: {self.not_finite}")
        lines.append(f"they part: {self.parts}" if self.parts else "no op gives another result")
        return "\n".join(lines)


def run_again(held: dict[str, Any], *, kernels: bool = True) -> Again:
    """Run the ops of a tape one by one, each on what it was given then.

    ``kernels=False`` runs them on NumPy alone: kernels check nothing, and a file may say anything.

    >>> import minigrad as torch
    >>> from minigrad.testing.tape import Tape, run_again
    >>> with Tape() as tape:
    ...     y = torch.ones(2).exp().log()
    >>> run_again(tape.held()).exact
    2
    """
    arrays = [tensor.numpy() for tensor in held["arrays"]]
    ops = {op.name: op for op in ALL_OPS}
    found, level = Again(whole=held["whole"]), native.level()
    native.use(level if kernels else "numpy")
    try:
        _run_rows(found, held["rows"], arrays, ops)
    finally:
        native.use(level)
    return found


def _run_rows(found: Again, rows: Sequence[Row], arrays: Sequence[Any], ops: Any) -> None:
    for number, row in enumerate(rows, 1):
        name = row["op"]
        what = f"op {number}, {'gradient of ' if 'gradient' in row else ''}{name}, {_short(row)}"
        if "left out" in row or name not in ops:
            found.left_out += 1
            found.reason = found.reason or row.get("left out", f"there is no op {name} here")
            continue
        given, then = _read(row["given"], arrays), _read(row["gave"], arrays)
        if not found.not_finite and _all_finite(given) and not _all_finite(then):
            found.not_finite = f"{what}: finite numbers go in, NaN or infinite ones come out"
        try:
            now = _run(ops[name], row, given)
        except REFUSALS as error:
            found.parts = found.parts or f"{what}: raises {type(error).__name__}: {error}"
            continue
        found.ops += 1
        _compare(found, what, then, now)


def _short(row: Row) -> str:
    place, _, function = row["line"].partition(" in ")
    return f"{os.path.basename(place)} in {function}" if function else place


def _run(op: Any, row: Row, given: Any) -> Sequence[Any]:
    """An op, or a derivative of it, on arrays."""
    with np.errstate(all="ignore"):
        if "gradient" not in row:
            count = len(given) - len(op.params) if op.variadic else len(given)
            params = dict(zip(op.params, given[count:], strict=False))
            result = op.forward(np, *given[:count], **params)
            results = result if isinstance(result, (tuple, list)) else (result,)
            return results[: len(results) - len(op.keeps)]
        g, saved, params, shapes = given
        edges = [None if shape is None else SimpleNamespace(shape=shape) for shape in shapes]
        node = SimpleNamespace(op=op, params=params, edges=edges, saved=saved)
        pull = op.joint or op.pulls[row["gradient"]]
        result = pull(g, saved, node, on_arrays)
    return result if isinstance(result, (tuple, list)) else (result,)


def _compare(found: Again, what: str, then: Sequence[Any], now: Sequence[Any]) -> None:
    exact = len(then) == len(now)
    for one, other in zip(then, now, strict=False):
        a, b = np.asarray(one), np.asarray(other)
        if a.dtype == object or b.dtype == object or _equal(a, b):
            exact = exact and (one is None) == (other is None)
            continue
        exact = False
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            found.parts = (
                found.parts or f"{what}: gives {b.dtype} {b.shape}, not {a.dtype} {a.shape}"
            )
            continue
        count, place = farthest(a, b)
        rtol, atol = FORGIVEN.get(a.dtype.name, (0.0, 0.0))
        if np.allclose(b.astype(np.float64), a.astype(np.float64), rtol, atol, equal_nan=True):
            found.greatest = max(found.greatest, count)
        elif not found.parts:
            values = f"{b[place]} here, {a[place]} then"
            found.parts = f"{what}: differs at {list(place)} by {count:.0f} ulps: {values}"
    found.exact += exact


def _read(value: Any, arrays: Sequence[Any]) -> Any:
    """What was written."""
    if not isinstance(value, list):
        return value
    kind, held = value
    if kind == "array":
        return arrays[held].copy()
    if kind == "...":
        return Ellipsis
    if kind == "dtype":
        return getattr(torch, held)
    if kind == "named":
        module, _, name = held[0].partition(":")
        found = getattr(sys.modules.get(module), name, None)
        if not isinstance(found, type) or not _named(found):
            raise ValueError(f"replay: there are no parameters of an op called {held[0]}")
        return found(*[_read(v, arrays) for v in held[1:]])
    if kind == "array's dtype":
        return _dtype(held)
    parts = [_read(v, arrays) for v in held]
    return slice(*parts) if kind == "slice" else parts if kind == "list" else tuple(parts)


def _dtype(name: str) -> Any:
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def _all_finite(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_all_finite, value))
    if isinstance(value, float):
        return bool(np.isfinite(value))
    if not hasattr(value, "dtype") or value.dtype.kind not in "fV":
        return True
    return bool(np.isfinite(value.astype(np.float64)).all())
