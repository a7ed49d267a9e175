"""Convolutions of well-known networks: forward, and the gradients of input and weight.

For each shape and number of threads: milliseconds on both sides, torch's time divided by minigrad's
(above 1, minigrad is faster), and minigrad's arithmetic beside what the processor's multiply-adds
could do. Where Winograd's algorithm saves multiplications that is more than all of it. Each library
runs in a process of its own: the threads of the one, which wait for work by spinning, would take
processors from the other's. A large convolution takes longer than a scheduler leaves a processor
alone; so the fastest round counts, not the median one.
"""

from __future__ import annotations

import argparse
import importlib

from benchmarks.contest import Contest
from benchmarks.layers import PASSES, ROWS, Row
from benchmarks.limits import multiply_adds
from benchmarks.networks_suite import left_out
from benchmarks.report import Result, Table, progress
from benchmarks.sides import present
from benchmarks.timing import Measurement, digits, geometric_mean

ROUNDS = 15
LEAST = 0.02  # seconds that a side works before it is another's turn
PATIENCE = 2.0  # seconds for one pass of a row; large shapes get fewer rounds
LIBRARIES = ("minigrad", "torch")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=[row.name for row in ROWS])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    level = importlib.import_module("minigrad.backend.native").level()
    chosen = [row for row in ROWS if options.only is None or row.name in options.only]
    sides, absent = present(LIBRARIES)
    result = Result("conv")
    result.summary["GFLOP/s of one thread's multiply-adds"] = fastest = multiply_adds()
    for count in options.threads:
        found: dict[str, list[tuple[Row, Measurement]]] = {name: [] for name in PASSES}
        with Contest(sides, count) as contest:
            for number, row in enumerate(chosen):
                progress(f"conv, {count} threads, {number + 1}/{len(chosen)}: {row.name}")
                for name in PASSES:
                    sizes = {"layer": row.name, "part": name}
                    one = contest.run("convolution", sizes, options.rounds, LEAST, PATIENCE)
                    if one.absent:
                        raise AssertionError(f"{row.name}, {name}: {one.absent}")
                    found[name].append((row, one.measured))
        _add(result, found, count, fastest * count)
    progress("")
    result.notes = [
        f"the fastest of {options.rounds} interleaved rounds or fewer, float32, kernels of level "
        f"{level}; in brackets quartiles of the ratios within rounds",
        "GFLOP/s count the direct sum; in brackets, the part of what multiply-adds can do (limits)",
        *left_out(absent, []),
    ]
    return result


def _add(
    result: Result, found: dict[str, list[tuple[Row, Measurement]]], count: int, fastest: float
) -> None:
    """The tables, numbers and means for one number of threads."""
    header = ("", "minigrad, ms", "torch, ms", "torch / minigrad", "GFLOP/s")
    for name, rows in found.items():
        lines, ratios = [], []
        for row, one in rows:
            mine, theirs = (min(one.times[lib]) for lib in LIBRARIES)
            ratios.append(theirs / mine)
            speed = row.flops / mine / 1e9
            share = f"{digits(speed)} ({speed / fastest:.0%})"
            lines.append(
                (row.name, digits(mine * 1e3), digits(theirs * 1e3), one.fastest().text(), share)
            )
            facts = {"row": row.name, "pass": name, "threads": count, "gflops": speed,
                     "fastest": {"minigrad": mine, "torch": theirs}}  # fmt: skip
            result.rows.append({**facts, **one.data()})
        result.tables.append(Table(f"Convolution: {name}, {count} threads", header, lines))
        result.summary[f"{name}, {count} threads: geometric mean"] = geometric_mean(ratios)
        result.summary[f"{name}, {count} threads: least"] = min(ratios)
