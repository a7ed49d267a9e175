"""``minigrad parity``: a program under minigrad and torch at once, up to where they part.

Compared are the ops that both libraries have, and what the lines and layers leave.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.cli.errors import CommandError
from minigrad.testing.comparison import TOLERANCES
from minigrad.testing.sounding import common, pairs
from minigrad.testing.tracing import Change, Line, Ran
from minigrad.testing.ulps import ulps

# What is forgiven: relative and absolute, as in assert_close.
FORGIVEN = {str(kind).rpartition(".")[2]: pair for kind, pair in TOLERANCES.items()}


Seen = Change | Ran


@dataclass
class Report:
    """What was seen so far."""

    source: list[str]
    limit: float | None
    compared: int = 0
    ops: int = 0  # of both libraries that were compared
    greatest: float = 0.0
    first: str = ""  # the first difference at all
    part: str = ""  # the first that is not forgiven
    last: dict[tuple[str, str], list[Change | None]] = field(default_factory=dict)

    def line(self, mine: Line, theirs: Line) -> None:
        """Compare what one line did on both sides."""
        if (mine.number, mine.function) != (theirs.number, theirs.function):
            here, there = self.at(mine.number), self.at(theirs.number)
            self.part = f"the programs go different ways: {here} here, {there} in torch"
            return
        suspect = self._ops(mine.ops, theirs.ops)
        for side, line in enumerate((mine, theirs)):
            for change in line.changes:
                self.last.setdefault((line.function, change.name), [None, None])[side] = change
        for name in dict.fromkeys(c.name for c in (*mine.changes, *theirs.changes)):
            if not self.part:
                one, other = self.last[mine.function, name]
                self.compared += 1
                self._note(mine.number, name, *self.difference(one, other))
                self.part = self.part and (suspect or self.part + self._alone(mine.ops, theirs.ops))

    def _note(self, number: int, what: str, text: str, forgiven: bool) -> str:
        """Remember a difference if it is the first, and where the two part."""
        found = f"{self.at(number)}: {what} {text}" if text else ""
        self.first = self.first or found
        self.part = self.part or ("" if forgiven else found)
        return found

    def _ops(self, mine: Sequence[Ran], theirs: Sequence[Ran]) -> str:
        """Compare the ops that the two have in common; where they may part, if a value does too.

        Ops are the same ones if they are equally many on both sides. If not, or in backward, where
        one library's node may stand for several of the other's, a value of the line must bear it
        out, and none of torch's ops may have given the like.
        """
        counts = [Counter((common(op.name), op.shape) for op in side) for side in (mine, theirs)]
        suspect = ""
        for one, other in pairs(mine, theirs):
            if self.part:
                break
            key = common(one.name), one.shape
            text, forgiven = self.difference(one, other)
            sure = counts[0][key] == counts[1][key] and not one.name.startswith("gradient")
            if forgiven or sure:
                self.ops += 1
                self._note(one.number, f"op {one.name}", text, forgiven)
            elif not suspect and not any(self.difference(one, t)[1] for t in theirs):
                suspect = f"{self.at(one.number)}: op {one.name} {text}"
        return suspect

    def _alone(self, mine: Sequence[Ran], theirs: Sequence[Ran]) -> str:
        """The ops of torch that had no partner to be compared with."""
        partners = {id(other) for _, other in pairs(mine, theirs)}
        names = dict.fromkeys(op.name for op in theirs if id(op) not in partners)
        return f" (not compared: {', '.join([*names][:8])})" if names else ""

    def difference(self, one: Seen | None, other: Seen | None) -> tuple[str, bool]:
        """How two values differ, and whether that is forgiven."""
        if one is None or other is None:
            return f"is there {'in torch' if one is None else 'here'} only", False
        if (one.dtype, one.shape) != (other.dtype, other.shape):
            return f"is {one.dtype} {one.shape} here, {other.dtype} {other.shape} in torch", False
        if np.array_equal(one.values, other.values, equal_nan=one.values.dtype.kind == "f"):
            return "", True
        rtol, atol = FORGIVEN.get(one.dtype, (0.0, 0.0))
        place = worst(one.values, other.values, rtol, atol)
        count = float(ulps(one.values[place], other.values[place]))
        close = np.allclose(one.values, other.values, rtol, atol, equal_nan=True)
        forgiven = close if self.limit is None else count <= self.limit
        if forgiven and abs(float(other.values[place])) > atol:  # nearer to 0 all numbers are far
            self.greatest = max(self.greatest, count)
        made = f"(made by {other.made_by}) " if isinstance(other, Change) and other.made_by else ""
        at = f"at {list(place)} " if place else ""
        values = f"{one.values[place]:.9g} here, {other.values[place]:.9g} in torch"
        return f"{made}differs {at}by {count:.0f} ulps: {values}", forgiven

    def at(self, number: int) -> str:
        """A line with its number and text."""
        text = self.source[number - 1].strip() if 0 < number <= len(self.source) else ""
        return f"line {number} `{text}`"


def worst(one: Any, other: Any, rtol: float, atol: float) -> tuple[int, ...]:
    """The index where two arrays differ most, by what is forgiven there.

    >>> import numpy as np
    >>> worst(np.array([1e-9, 1.0]), np.array([-1e-9, 1.1]), 1e-7, 1e-7)
    (1,)
    """
    a, b = (np.asarray(v).astype(np.float64) for v in (one, other))
    with np.errstate(invalid="ignore"):
        off = np.abs(a - b) / np.maximum(atol + rtol * np.abs(b), 1e-300)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    off = np.where(same, -1.0, np.where(np.isnan(off), np.inf, off))
    place = np.unravel_index(int(off.argmax()), off.shape)
    return tuple(int(i) for i in place)


def show_parity(script: Path, arguments: list[str], limit: float | None) -> int:
    """Run a program on both sides and say where they part; the exit code is 1 if they do."""
    if not script.is_file():
        raise CommandError(f"parity: there is no file {script}")
    if importlib.util.find_spec("torch") is None:
        raise CommandError("parity: torch is not installed; python -m pip install torch")
    report = Report(script.read_text(encoding="utf-8").splitlines(), limit)
    sides = [_Side(library, script, arguments) for library in ("minigrad", "torch")]
    try:
        ends = _compared(report, *sides)
    finally:
        for side in sides:
            side.close()
    if report.first:
        print(f"first difference: {report.first}")
    if not report.part and ends is not None and _kind(ends[0]) != _kind(ends[1]):
        here, there = (end or "runs to its end" for end in ends)
        report.part = f"minigrad: {here}; torch: {there}"
    if report.part:
        print(f"they part: {report.part}")
        return 1
    ending = f"; both end with {ends[0]}" if ends and ends[0] else ""
    agree = f"{report.compared} values and {report.ops} ops agree"
    print(f"no parting: {agree}, the greatest difference is {report.greatest:.0f} ulps{ending}")
    return 0


def _compared(report: Report, mine: _Side, theirs: _Side) -> tuple[str, str] | None:
    """Go through both sides; the errors that ended them, or None if they part before."""
    for one, other in zip(mine.messages(), theirs.messages(), strict=False):
        if isinstance(one, str) or isinstance(other, str):
            if isinstance(one, str) and isinstance(other, str):
                return one, other
            rest = other if isinstance(one, str) else one
            who = "minigrad" if isinstance(one, str) else "torch"
            error = one if isinstance(one, str) else other
            report.part = f"{who} ends before {report.at(rest.number)}: {error or 'no error'}"
            return None
        report.line(one, other)
        if report.part:
            return None
    raise CommandError("parity: one side ended without a word")


def _kind(end: str) -> str:
    return end.partition(":")[0]


class _Side:
    """A process that runs the program under one library."""

    def __init__(self, library: str, script: Path, arguments: list[str]) -> None:
        read, write = os.pipe()
        command = [sys.executable, "-m", "minigrad.cli.parity_child", library, str(write)]
        package = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH", "")) if p)
        self.process = subprocess.Popen(
            [*command, str(script), *arguments],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
        os.close(write)
        self.stream = os.fdopen(read, "rb")

    def messages(self) -> Iterator[Any]:
        """The lines that changed something, and at last the error or an empty text."""
        while True:
            try:
                yield pickle.load(self.stream)
            except EOFError:
                return

    def close(self) -> None:
        """End the process."""
        self.stream.close()
        self.process.kill()
        self.process.wait()
