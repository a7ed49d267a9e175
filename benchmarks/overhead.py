"""Microseconds per operation on tiny tensors: what recording and calling cost, not arithmetic.

Each row runs 100 operations on 8 numbers (8x8 for matrices), in three passes: without recording,
recording, and recording with the backward sweep.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.libraries import difference, load
from benchmarks.report import Result, Table, progress
from benchmarks.timing import Measurement, geometric_mean, in_turns

ROUNDS = 200
COUNT = 100  # operations per call
CHECKED = 3  # operations when results are compared: 100 exponentials are infinite on both sides
SEED = 1
PASSES = ("forward without grad", "forward recording", "forward and backward")

# How an expression becomes a function that runs it `count` times. It is compiled into the loop as
# it stands: calling it as a function would add the same 50 ns to both sides, and so flatter the
# slower.
CHAIN = """
def forward(count):
    z = x
    for _ in range(count):
        z = {expression}
    return [z]
"""
FAN = """
def forward(count):
    return [{expression} for _ in range(count)]
"""
IN_PLACE = """
def forward(count):
    for _ in range(count):
        {expression}
    return [x]
"""


@dataclass(frozen=True)
class Row:
    """An expression in x (wants a gradient), w, b, the chain's z, and ``F``."""

    name: str
    expression: str
    template: str = CHAIN
    matrices: bool = False
    judged: bool = False


ROWS = (
    Row("mul", "z * w", judged=True),
    Row("add", "z + w", judged=True),
    Row("exp", "z.exp()", judged=True),
    Row("matmul", "z @ w", matrices=True, judged=True),
    Row("mul by a number", "z * 1.01"),
    Row("sub", "z - w"),
    Row("div", "z / w"),
    Row("relu", "F.relu(z)"),
    Row("sum", "x.sum()", FAN),
    Row("reshape", "x.reshape(2, 4)", FAN),
    Row("x[i]", "x[3]", FAN),
    Row("linear", "F.linear(z, w, b)", matrices=True),
    Row("add_ under no_grad", "x.add_(w)", IN_PLACE),
    Row("p.add_(g, alpha=-lr)", "x.add_(w, alpha=-0.01)", IN_PLACE),
)


def build(row: Row, lib: Any) -> tuple[Any, Callable[[int], list[Any]]]:
    """The tensor x of a row, and the function that runs the row's expression."""
    random = np.random.default_rng(SEED)

    def vector() -> Any:  # near one: long products neither vanish nor overflow
        return random.uniform(0.9, 1.1, 8)

    def matrix() -> Any:  # orthogonal: all its powers have the same size
        return np.linalg.qr(random.standard_normal((8, 8)))[0]

    make = matrix if row.matrices else vector
    x, w, b = (lib.tensor(a.astype(np.float32)) for a in (make(), make(), 0.1 * vector()))
    x.requires_grad_()
    scope = {"x": x, "w": w, "b": b, "F": lib.nn.functional}
    exec(row.template.format(expression=row.expression), scope)
    return x, scope["forward"]


def passes(row: Row, lib: Any) -> dict[str, Callable[[int], list[Any]]]:
    """What is timed, by the names of the passes; each returns what is to be compared."""
    x, forward = build(row, lib)
    backward, seeds = lib.autograd.backward, {}

    def without_grad(count: int) -> list[Any]:
        with lib.no_grad():
            return forward(count)

    def both(count: int) -> list[Any]:
        outputs = forward(count)
        if count not in seeds:
            seeds[count] = [lib.ones_like(out) for out in outputs]
        backward(outputs, seeds[count])
        gradient, x.grad = x.grad, None
        return [gradient]

    if row.template is IN_PLACE:
        return {PASSES[0]: without_grad}
    return dict(zip(PASSES, (without_grad, forward, both), strict=True))


def measure_row(
    row: Row, libs: dict[str, Any], rounds: int, count: int = COUNT
) -> dict[str, Measurement]:
    """The passes of one row, each compared between the libraries and then timed."""
    found = {}
    sides = {name: passes(row, lib) for name, lib in libs.items()}
    for name in sides["torch"]:
        mine, theirs = (sides[lib][name](CHECKED) for lib in ("minigrad", "torch"))
        wrong = difference(mine, theirs)
        if wrong:
            raise AssertionError(f"{row.name}, {name}: minigrad and torch disagree: {wrong}")
        calls = {lib: _bind(sides[lib][name], count) for lib in libs}
        found[name] = in_turns(calls, rounds)
    return found


def _bind(call: Callable[[int], Any], count: int) -> Callable[[], Any]:
    return lambda: call(count)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=[row.name for row in ROWS])


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    libs = {name: load(name) for name in ("minigrad", "torch")}
    chosen = [row for row in ROWS if options.only is None or row.name in options.only]
    found: dict[str, dict[str, Measurement]] = {}
    for number, row in enumerate(chosen):
        progress(f"overhead {number + 1}/{len(chosen)}: {row.name}")
        found[row.name] = measure_row(row, libs, options.rounds)
    progress("")
    result = Result("overhead")
    for name in PASSES:
        result.tables.append(_table(name, found))
        judged = [r.name for r in chosen if r.judged]
        if judged:
            mean = geometric_mean(found[row][name].ratio().median for row in judged)
            result.summary[f"geometric mean of {', '.join(judged)}, {name}"] = mean
    result.summary["import minigrad, ms more than import numpy"] = import_time()
    for row in chosen:
        for name, one in found[row.name].items():
            facts = {"row": row.name, "expression": row.expression, "pass": name}
            result.rows.append({**facts, "judged": row.judged, **one.data(COUNT)})
    result.notes = [
        f"medians [quartiles] of {options.rounds} interleaved rounds, {COUNT} operations per call, "
        "garbage collector off",
        "rows in bold are those that minigrad promises to run at least as fast as torch",
    ]
    return result


def import_time(processes: int = 5) -> float:
    """Milliseconds that ``import minigrad`` takes when NumPy is there: median of fresh processes.

    The modules are byte-compiled in a first process that is not counted, as pip does on installing.
    """
    program = (
        "import time, numpy; start = time.process_time(); import minigrad;"
        "print(1000 * (time.process_time() - start))"
    )
    with tempfile.TemporaryDirectory() as cache:
        settings = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        times = []
        for _ in range(processes + 1):
            done = subprocess.run(
                [sys.executable, "-c", program], env=settings, capture_output=True, check=True
            )
            times.append(float(done.stdout))
    return statistics.median(times[1:])


def _table(name: str, found: dict[str, dict[str, Measurement]]) -> Table:
    """One pass: microseconds per operation on both sides, and the ratio."""
    bold = {row.name for row in ROWS if row.judged}
    header = ("µs per op", "minigrad", "torch", "minigrad / torch")
    rows = []
    for row, by_pass in found.items():
        if name in by_pass:
            one, scale = by_pass[name], 1e6 / COUNT
            times = [one.of(lib).text(scale) for lib in ("minigrad", "torch")]
            rows.append((f"**{row}**" if row in bold else row, *times, one.ratio().text()))
    return Table(f"Overhead: {name}", header, rows)
