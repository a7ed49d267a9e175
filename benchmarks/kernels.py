"""Kernels that memory limits, beside torch's and beside what copying as many bytes takes.

A kernel that reads and writes each number once can't be faster than a copy of as many bytes. The
copy is NumPy's of a block to another that is there already, C's ``memcpy``: beyond some size it
writes past the caches, so it does not read what it is about to overwrite. It takes its turns with
the two libraries. The share of it is what the last column says; for functions that compute much per
number it says how far from memory they are. Rows say their size: most beyond a core's own caches
and beyond all of them. What is read and not written, or the other way round, may be above 100 %.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.kernel_rows import ROWS, Row, Shape
from benchmarks.libraries import difference, load
from benchmarks.report import Result, Table, progress
from benchmarks.timing import Measurement, digits, geometric_mean, in_turns

ROUNDS = 15
PATIENCE = 4.0  # seconds for one row
LEAST = 2e-3  # of a block: what the one before has driven out of the caches comes back
LIBRARIES = ("minigrad", "torch")
PASSES = ("forward", "backward")
ENOUGH = 0.85  # of the limit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    names = [row.name for row in ROWS]
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=names, help="some rows")
    parser.add_argument("--least", type=int, default=0, help="elements that a shape has at least")


@functools.lru_cache(maxsize=2)
def _blocks(count: int) -> tuple[Any, Any]:
    """Two blocks of so many bytes, whose pages are there."""
    return np.ones(count, np.uint8), np.zeros(count, np.uint8)


def copying(count: float) -> Callable[[], None]:
    """A copy that reads and writes so many bytes in all."""
    source, target = _blocks(max(1, int(count / 2)))
    return lambda: np.copyto(target, source)


def calls_of(row: Row, shape: Shape, libs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """For each pass a call of each library, after comparing what they compute."""
    numbers = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    calls: dict[str, dict[str, Any]] = {"forward": {}, "backward": {}}
    first = {}
    for name, lib in libs.items():
        lib.manual_seed(0)
        x, call = lib.tensor(numbers), row.prepare(lib, shape)
        calls["forward"][name] = functools.partial(call, x)
        if row.backward is None:
            first[name] = call(x)
            continue
        x = lib.tensor(numbers).requires_grad_()
        y = first[name] = call(x)
        calls["backward"][name] = functools.partial(
            lib.autograd.grad, y, x, lib.ones_like(y), retain_graph=True
        )
    wrong = difference(first["minigrad"], first["torch"])
    if wrong:
        raise AssertionError(f"{row.name} {shape}: {wrong}")
    return calls


def measure_row(
    row: Row, shape: Shape, libs: dict[str, Any], rounds: int
) -> dict[str, Measurement]:
    """Passes of both libraries, and a copy of as many bytes, by turns."""
    size, found = 4 * int(np.prod(shape)), {}
    for name, calls in calls_of(row, shape, libs).items():
        moved = row.forward if name == "forward" else row.backward
        if moved is not None:
            calls["copy"] = copying(moved * size)
            found[name] = in_turns(calls, rounds, LEAST, PATIENCE)
    return found


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    result = Result("kernels")
    libs = {name: load(name) for name in LIBRARIES}
    libs["minigrad"].set_num_threads(1)
    chosen = [
        (row, shape)
        for row in ROWS
        if options.only is None or row.name in options.only
        for shape in row.shapes
        if np.prod(shape) >= options.least
    ]
    lines: dict[str, list[Any]] = {name: [] for name in PASSES}
    for number, (row, shape) in enumerate(chosen):
        label = f"{row.name}, {'x'.join(map(str, shape))}"
        progress(f"kernels {number + 1}/{len(chosen)}: {label}")
        for name, one in measure_row(row, shape, libs, options.rounds).items():
            ratio, share = one.ratio("torch", "minigrad"), one.ratio("copy", "minigrad")
            micro = [digits(one.of(side).median * 1e6) for side in (*LIBRARIES, "copy")]
            lines[name].append([label, *micro[:2], ratio.text(), micro[2], f"{share.median:.0%}"])
            facts = {"row": label, "pass": name, "limit": vars(share)}
            result.rows.append({**facts, **one.data(), "torch / minigrad": vars(ratio)})
    header = ("", "minigrad, us", "torch, us", "torch / minigrad", "a copy, us", "of the limit")
    for name, rows in lines.items():
        if rows:
            result.tables.append(Table(f"Kernels: {name}, one thread", header, rows))
            found = [row for row in result.rows if row["pass"] == name]
            ratios = [row["torch / minigrad"]["median"] for row in found]
            result.summary[f"{name}: geometric mean of torch / minigrad"] = geometric_mean(ratios)
            result.summary[f"{name}: least"] = min(ratios)
            shares = [row["limit"]["median"] >= ENOUGH for row in found]
            at = f"{name}: at {ENOUGH:.0%} of a copy or more, of one"
            result.summary[at] = sum(shares) / len(shares)
    progress("")
    result.notes = [
        f"medians of {options.rounds} interleaved rounds or fewer, of the process's own time; in "
        "brackets quartiles of the ratios within rounds; times with the call through autograd",
        "a copy: memcpy of a block that is half of the bytes which the function must move",
    ]
    return result
