"""How cost grows with batch, depth, width, graph and number of elements, and how near to the limit.

A family is a program at growing sizes. Fitted is the exponent b of time = a n^b over the larger
half of the sizes, where the fixed cost of a call no longer counts. Where a family says how much
arithmetic and how many bytes it takes at least, its time is compared with the roofline: the longer
of what the arithmetic takes at the measured peak and what copying as many bytes takes here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.contest import Contest, Outcome
from benchmarks.networks_suite import add_options, left_out, planted
from benchmarks.report import Result, Table, progress
from benchmarks.results import measured
from benchmarks.roofline import Limits, crossings, limits_of
from benchmarks.sides import SIDES, present
from benchmarks.tables import speedup
from benchmarks.timing import Spread, digits, spread

ROUNDS = 9
PATIENCE = 2.0  # seconds for one size
Count = Callable[[int], float]


@dataclass(frozen=True)
class Family:
    """A program with one size that grows; ``flops`` and ``bytes`` are the least that it needs."""

    name: str
    program: str
    size: str
    sizes: Sequence[int]
    fixed: dict[str, Any] = field(default_factory=dict)
    flops: Count | None = None
    bytes: Count | None = None


ELEMENTS = (100, 1000, 10_000, 100_000, 1_000_000, 4_000_000)


def _elementwise(op: str, moved: int) -> Family:
    return Family(op, "elementwise", "n", ELEMENTS, {"op": op}, bytes=lambda n: 4.0 * moved * n)


def _products(batch: int, depth: int, width: int) -> float:
    """Multiply-adds, twice, of an MLP: forward, and gradients by weights and inputs."""
    return 2.0 * batch * width**2 * (3 * depth - 1)


FAMILIES = (
    Family(
        "MLP, batch", "mlp", "batch", (1, 4, 16, 64, 256, 1024), {"depth": 3, "width": 256},
        flops=lambda n: _products(n, 3, 256),
    ),
    Family(
        "MLP, depth", "mlp", "depth", (1, 2, 4, 8, 16, 32), {"batch": 64, "width": 128},
        flops=lambda n: _products(64, n, 128),
    ),
    Family(
        "MLP, width", "mlp", "width", (16, 32, 64, 128, 256, 512, 1024), {"batch": 64, "depth": 3},
        flops=lambda n: _products(64, 3, n),
    ),
    Family("graph of n ops", "chain", "n", (1, 4, 16, 64, 256, 1024, 4096)),
    _elementwise("add", 3),
    _elementwise("exp", 2),
    _elementwise("sum", 1),
    Family("softmax", "softmax", "n", ELEMENTS, bytes=lambda n: 8.0 * n),
    Family("matmul n x n", "matmul", "n", (8, 32, 64, 128, 256, 512, 1024),
           flops=lambda n: 2.0 * n**3, bytes=lambda n: 12.0 * n**2),
    Family("conv 3x3, n images", "conv", "n", (1, 2, 4, 8, 16),
           flops=lambda n: 2.0 * n * 32 * 32 * 32 * 32 * 9, bytes=lambda n: 8.0 * n * 32**3),
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    names = [family.name for family in FAMILIES]
    parser.add_argument("--only", nargs="+", metavar="FAMILY", choices=names, help="some families")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--points", type=int, default=99, metavar="N", help="so many sizes at most")
    add_options(parser)


def exponent(sizes: Sequence[int], times: Sequence[Sequence[float]]) -> Spread:
    """The slope of log time by log size over the larger half: median and quartiles of the rounds.

    >>> exponent((1, 10, 100), [[1.0, 1.1], [1.0, 1.0], [100.0, 100.0]]).text()
    '2.00 [2.00, 2.00]'
    """
    half = len(sizes) // 2 if len(sizes) > 2 else 0
    logs = np.log(np.asarray(sizes[half:], float))
    rounds = min(map(len, times))
    slopes = [np.polyfit(logs, np.log([t[i] for t in times[half:]]), 1)[0] for i in range(rounds)]
    return spread(map(float, slopes))


def fitted(family: Sequence[Mapping[str, Any]], side: str) -> Spread:
    """The exponent of one side over the rows of a family."""
    rows = [row for row in family if side in row["runs"][0]]
    times = [[t for run in row["runs"] for t in run[side]] for row in rows]
    return exponent([row["size"] for row in rows], times)


def summary(rows: Sequence[Mapping[str, Any]]) -> Table:
    """For each family the exponents; at its largest size the ratio and the part of the limit."""
    names = ("minigrad", "minigrad (NumPy)", "torch")
    lines = []
    for name in dict.fromkeys(row["row"] for row in rows):
        family = [row for row in rows if row["row"] == name]
        largest = family[-1]
        sides = [s if s in largest["runs"][0] else None for s in names]
        slopes = [fitted(family, s).text() if s and len(family) > 1 else "-" for s in sides]
        parts = [f"{largest['share'][s]:.0%}" if s in largest["share"] else "-" for s in names]
        line = [name, f"{largest['size']:,}", speedup(measured(largest)), *slopes]
        lines.append([*line, " / ".join(parts)])
    header = ["family", "largest n", "torch / minigrad there"]
    header += [f"exponent, {s}" for s in names]
    return Table("Exponents, and parts of the limit", [*header, "part of the limit"], lines)


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    result = Result("scaling")
    sides, absent = present(options.sides)
    chosen = [f for f in FAMILIES if options.only is None or f.name in options.only]
    with Contest(sides, options.threads, options.plant) as contest:
        limits = {side.name: limits_of(side, contest, options.threads) for side in sides}
        for family in chosen:
            _measure_family(result, family, contest, limits, options)
    progress("")
    for name, limit in limits.items():
        if limit.flops and (name == "minigrad" or SIDES[name].device == "cuda"):
            result.summary[f"GFLOP/s, {name}'s device"] = limit.flops / 1e9
    result.tables.append(crossings(result.rows))
    result.notes = [
        "ms, and in brackets the part of the limit: what arithmetic takes at the processor's "
        "measured peak, or copying as many bytes, whichever is longer",
        "exponents over the larger half of the sizes [quartiles over rounds]",
        *planted(options.plant),
        *left_out(absent, result.rows),
    ]
    return result


def _measure_family(
    result: Result,
    family: Family,
    contest: Contest,
    limits: dict[str, Limits],
    options: argparse.Namespace,
) -> None:
    """All sizes of a family: rows, table and exponents."""
    sizes = list(family.sizes)[: options.points]
    outcomes: list[Outcome] = []
    for size in sizes:
        progress(f"scaling: {family.name}, {size}")
        given = {family.size: size, **family.fixed}
        one = contest.run(family.program, given, options.rounds, patience=PATIENCE)
        least = {
            name: limits[name].seconds(
                family.flops(size) if family.flops else 0.0,
                family.bytes(size) if family.bytes else 0.0,
            )
            for name in one.measured.times
        }
        share = {n: least[n] / one.measured.of(n).median for n in least if least[n]}
        facts = {"row": family.name, "size": size, "threads": options.threads}
        result.rows.append({**facts, **one.data(), "share": share})
        outcomes.append(one)
    result.tables.append(_table(family, sizes, outcomes, result.rows[-len(sizes) :]))


def _table(
    family: Family, sizes: Sequence[int], outcomes: Sequence[Outcome], rows: Sequence[Any]
) -> Table:
    names = [n for n in SIDES if any(n in one.measured.times for one in outcomes)]
    lines = []
    for size, one, row in zip(sizes, outcomes, rows, strict=True):
        cells = []
        for name in names:
            if name not in one.measured.times:
                cells.append("-")
                continue
            part = f" ({row['share'][name]:.0%})" if name in row["share"] else ""
            cells.append(digits(one.measured.of(name).median * 1e3) + part)
        lines.append([f"{family.size} = {size:,}", *cells])
    if len(sizes) > 1:
        there = [name for name in names if all(name in o.measured.times for o in outcomes)]
        fits = [fitted(rows, name).text() if name in there else "-" for name in names]
        lines.append(["exponent", *fits])
    return Table(f"Scaling: {family.name}", [f"ms, by {family.size}", *names], lines)
