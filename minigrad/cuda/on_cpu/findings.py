"""What the checker found, in sentences: kernel, block, thread, line of the source, variable."""

from __future__ import annotations

import ctypes
import functools
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finding", "KernelError", "Launch", "Place", "Range", "RawFinding", "explain"]


class RawFinding(ctypes.Structure):
    """``Finding`` of scheduler.h."""

    _fields_ = (
        ("kind", ctypes.c_char * 32),
        ("detail", ctypes.c_char * 256),
        ("block", ctypes.c_uint * 3),
        ("thread", ctypes.c_uint * 3),
        ("pc", ctypes.c_size_t),
        ("how", ctypes.c_int),
        ("size", ctypes.c_int),
        ("range", ctypes.c_int),
        ("offset", ctypes.c_long),
        ("other_how", ctypes.c_int),
        ("other_block", ctypes.c_uint),
        ("other_thread", ctypes.c_uint),
        ("other_pc", ctypes.c_size_t),
        ("line", ctypes.c_int),
        ("other_line", ctypes.c_int),
        ("count", ctypes.c_int),
    )


@dataclass(frozen=True)
class Range:
    """Memory that a launch may touch: an array that was passed, or a shared variable."""

    name: str
    begin: int
    size: int
    item: int
    writable: bool = True
    shared: bool = False
    in_image: bool = False

    def element(self, offset: int) -> str:
        """An element of it, as one would write it."""
        return f"{self.name}[{offset // self.item}]"


@dataclass(frozen=True)
class Place:
    """A line of a source file."""

    file: str = "?"
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else "a line that is not known"


@dataclass(frozen=True)
class Finding:
    """One finding. ``kind`` is a word for programs, ``str()`` a report for people."""

    kind: str
    kernel: str
    block: tuple[int, ...]
    thread: tuple[int, ...]
    place: Place
    variable: str
    text: str

    def __str__(self) -> str:
        where = f"kernel {self.kernel}, block {self.block}, thread {self.thread}"
        return f"{self.text}\n    {where}, at {self.place}"


class KernelError(RuntimeError):
    """A launch that was stopped by a finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


_HOW = ("read", "write", "atomic operation")
_DID = ("read", "wrote", "changed atomically")

# What each kind says; the places in brackets are filled in by `explain`.
_TEXTS = {
    "race": "race on {element}: a {how} here, and thread {other} {did} it at {other_place} without "
    "a barrier between",
    "block race": "race on {element}: a {how} here, and block {other_block} (thread {other}) {did} "
    "it at {other_place}; blocks run at the same time",
    "unwritten": "{how} of {element}, which no thread of this block has written",
    "read-only": "{how} to {element}, which the kernel declares const",
    "out of bounds": "{how} of {size} bytes out of bounds: {beyond}",
    "null pointer": "access through a null pointer",
    "misaligned": "misaligned access: the address is no multiple of the type's size",
    "index": "index {offset} is outside of the array",
    "shift": "shift by {offset} bits",
    "division": "division by zero",
    "divergent barrier": "__syncthreads() has diverged: this thread waits at line {line}, others "
    "at line {other_line}",
    "exited threads": "__syncthreads() is waited for, but {count} threads of the block have ended",
    "exited lane": "a warp operation names lane {count}, which has ended",
    "lanes missing": "a warp operation waits for lanes that never arrive",
    "not in mask": "a warp operation's mask does not hold the lane that calls it",
    "lane outside mask": "a shuffle reads a lane that is not in its mask",
    "unawaited copy": "the thread ended before its asynchronous copy was waited for",
    "trap": "__trap() was reached",
    "assertion": "assertion failed: {detail}",
    "launch": "the launch is refused: {detail}",
}


@dataclass(frozen=True)
class Launch:
    """What a finding is explained with."""

    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    ranges: tuple[Range, ...]
    library: Path


def explain(raw: RawFinding, launch: Launch) -> Finding:
    """A finding in words."""
    kind = raw.kind.decode()
    block, thread = tuple(raw.block), tuple(raw.thread)
    touched = launch.ranges[raw.range] if raw.range >= 0 else None
    other_block = _unfold(raw.other_block, launch.grid)
    text = _TEXTS["block race" if kind == "race" and other_block != block else kind].format(
        element="" if touched is None else touched.element(raw.offset),
        how=_HOW[raw.how],
        did=_DID[raw.other_how],
        size=raw.size,
        offset=raw.offset,
        detail=raw.detail.decode(),
        line=raw.line,
        other_line=raw.other_line,
        count=raw.count,
        other=_unfold(raw.other_thread, launch.block),
        other_block=other_block,
        other_place=place_of(launch.library, raw.other_pc) if raw.other_pc else "",
        beyond=_beyond(raw, touched),
    )
    place = place_of(launch.library, raw.pc) if raw.pc else Place()
    if raw.line and place.line != raw.line:
        place = Place(place.file, raw.line)
    return Finding(kind, launch.kernel, block, thread, place, touched.name if touched else "", text)


def _unfold(number: int, sizes: tuple[int, ...]) -> tuple[int, int, int]:
    """The index of the block or thread that has a number."""
    x, y = sizes[0], sizes[1] if len(sizes) > 1 else 1
    return number % x, number // x % y, number // (x * y)


def _beyond(raw: RawFinding, touched: Range | None) -> str:
    if touched is None:
        return "the address belongs to no argument and to no shared variable"
    size = f"{touched.name} has {touched.size // touched.item} elements"
    if raw.offset < 0:
        return f"{touched.element(raw.offset)} lies before the array; {size}"
    return f"{touched.element(raw.offset)}, but {size}"


@functools.lru_cache(maxsize=1024)
def place_of(library: Path, pc: int) -> Place:
    """The source line of a return address, in the file that the kernel's author wrote."""
    tool = shutil.which("addr2line")
    if tool is None:
        return Place()
    said = subprocess.run(
        [tool, "-e", str(library), "-i", hex(pc - 1)], capture_output=True, text=True
    ).stdout
    for line in said.splitlines():  # innermost first: skip the shim's own
        found = re.match(r"(?P<file>.*?):(?P<line>\d+)", line)
        if found and not found["file"].endswith(".h"):
            return Place(Path(found["file"]).name, int(found["line"]))
    return Place()
