"""Kernels that memory limits, beside torch's and beside what copying as many bytes takes.

A kernel that reads and writes each number once can't be faster than a copy of as many bytes. The
copy is NumPy's of a block to another that is there already, C's ``memcpy``: beyond some size it
writes past the caches, so it does not read what it is about to overwrite. It takes its turns with
the two libraries. What is read and not written, or the other way round, may be above 100 %.

Only rows that no cache holds are bound by memory, and of these only those that do not take longer
in the cache than the copy takes: see kernel_bounds.py. Each of them is shown with what bounds it,
its part of that limit, and both libraries' time for a number in the cache.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.kernel_bounds import Bound, beyond_caches, bound, in_cache, small_shapes
from benchmarks.kernel_rows import ROWS, Row, Shape
from benchmarks.libraries import difference, load
from benchmarks.report import Result, Table, progress
from benchmarks.results import measured
from benchmarks.timing import Measurement, Spread, digits, geometric_mean, in_turns

ROUNDS = 15
PATIENCE = 4.0  # seconds for one row
LEAST = 2e-3  # of a block: what the one before has driven out of the caches comes back
LIBRARIES = ("minigrad", "torch")
PASSES = ("forward", "backward")
ENOUGH = 0.85  # of the limit
HEADER = (
    "", "minigrad, us", "torch, us", "torch / minigrad", "a copy, us", "of a copy", "bound by",
    "of that", "ps a number in cache", "torch's",
)  # fmt: skip


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
        moved = row.moved(name)
        if moved is not None:
            calls["copy"] = copying(moved * size)
            found[name] = in_turns(calls, rounds, LEAST, PATIENCE)
    return found


def bounds_of(
    row: Row, shape: Shape, libs: dict[str, Any], found: dict[str, Measurement]
) -> dict[str, Bound]:
    """What bounds each pass that no cache holds."""
    numbers = int(np.prod(shape))
    beyond = [n for n in found if 4 * numbers * (row.moved(n) or 0) >= beyond_caches()]
    if not beyond:
        return {}
    pair = small_shapes(row.small or shape, max(row.moved(name) or 0 for name in PASSES))
    less, more = (calls_of(row, small, libs) for small in pair)
    between = int(np.prod(pair[1])) - int(np.prod(pair[0]))
    bounds = {}
    for name in beyond:
        inside = in_cache(less[name], more[name], between)
        of_copy = found[name].ratio("copy", "minigrad").median
        bounds[name] = bound(inside, found[name].of("minigrad").median, of_copy, numbers)
    return bounds


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
    for number, (row, shape) in enumerate(chosen):
        label = f"{row.name}, {'x'.join(map(str, shape))}"
        progress(f"kernels {number + 1}/{len(chosen)}: {label}")
        found = measure_row(row, shape, libs, options.rounds)
        bounds = bounds_of(row, shape, libs, found)
        for name, one in found.items():
            result.rows.append(facts_of(label, name, one, bounds.get(name)))
    for name in PASSES:
        rows = [row for row in result.rows if row["pass"] == name]
        if rows:
            lines = [line_of(row) for row in rows]
            result.tables.append(Table(f"Kernels: {name}, one thread", HEADER, lines))
            result.summary |= {f"{name}: {what}": v for what, v in summary_of(rows).items()}
    progress("")
    result.notes = [
        f"medians of {options.rounds} interleaved rounds or fewer, of the process's own time; in "
        "brackets quartiles of the ratios within rounds; times with the call through autograd",
        "a copy: memcpy of a block that is half of the bytes which the function must move",
        f"bound by: of rows that move {beyond_caches() >> 20} MiB or more, which no cache holds; "
        "arithmetic, where a number takes longer in a core's own cache than in the copy",
    ]
    return result


def facts_of(label: str, name: str, one: Measurement, bounds: Bound | None) -> dict[str, Any]:
    """A pass of a row, for JSON."""
    return {
        "row": label,
        "pass": name,
        "copy": vars(one.ratio("copy", "minigrad")),
        "bound": None if bounds is None else vars(bounds),
        **one.data(),
        "torch / minigrad": vars(one.ratio("torch", "minigrad")),
    }


def line_of(row: Mapping[str, Any]) -> list[str]:
    """A pass of a row, for people."""
    times = measured(row)
    micro = [digits(times.of(side).median * 1e6) for side in (*LIBRARIES, "copy")]
    ratio, of_copy = Spread(**row["torch / minigrad"]), f"{row['copy']['median']:.0%}"
    line = [row["row"], *micro[:2], ratio.text(), micro[2], of_copy]
    if row["bound"] is None:
        return [*line, "", "", "", ""]
    inside = [digits(max(0.0, row["bound"]["inside"][side]) * 1e12) for side in LIBRARIES]
    return [*line, row["bound"]["by"], f"{row['bound']['reached']:.0%}", *inside]


def summary_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What a pass comes to."""
    ratios = [row["torch / minigrad"]["median"] for row in rows]
    found = {
        "geometric mean of torch / minigrad": geometric_mean(ratios),
        "least": min(ratios),
    }
    for by in ("memory", "arithmetic"):
        bounded = [row for row in rows if row["bound"] and row["bound"]["by"] == by]
        if bounded:
            reached = [row["bound"]["reached"] >= ENOUGH for row in bounded]
            found[f"rows beyond all caches that {by} bounds"] = len(bounded)
            found[f"of these at {ENOUGH:.0%} of that limit or more ({by})"] = sum(reached)
    return found
