"""What the suites ``train`` and ``infer`` share: networks, run by all sides by turns."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contest import Contest, Outcome
from benchmarks.report import Result, Table, progress
from benchmarks.sides import SIDES, present
from benchmarks.timing import geometric_mean

LEAST = 0.1  # seconds that a side works before it is another's turn
PATIENCE = 20.0  # seconds for one row


@dataclass(frozen=True)
class Plan:
    """One row: a program, its sizes, and how it is called in the tables."""

    name: str
    program: str
    sizes: dict[str, Any]
    batch: int


def add_options(parser: argparse.ArgumentParser, leaving_out: Sequence[str] = ()) -> None:
    """The options of every suite whose sides run in processes of their own."""
    usual = [name for name in SIDES if name not in leaving_out]
    parser.add_argument(
        "--sides", nargs="+", metavar="SIDE", choices=SIDES, default=usual, help=", ".join(SIDES)
    )
    parser.add_argument(
        "--plant", type=float, default=0.0, metavar="X", help="make minigrad take 1 + X times as "
        "long, to see whether `compare` finds it"
    )  # fmt: skip


def run(
    suite: str, title: str, unit: str, plans: Sequence[Plan], options: argparse.Namespace
) -> Result:
    """Measure all rows at each number of threads."""
    result = Result(suite)
    sides, absent = present(options.sides)
    for threads in options.threads:
        found = []
        with Contest(sides, threads, options.plant) as contest:
            for plan in plans:
                progress(f"{suite}, {threads} threads: {plan.name}")
                one = contest.run(plan.program, plan.sizes, options.rounds, LEAST, PATIENCE)
                facts = {"row": plan.name, "threads": threads, "batch": plan.batch}
                result.rows.append({**facts, **one.data(), **_speedup(one)})
                found.append((plan, one))
        count = f"{threads} thread{'s' * (threads > 1)}"
        result.tables.append(_table(f"{title}: {count}", unit, found))
        ratios = [speed["torch / minigrad"]["median"] for _, o in found if (speed := _speedup(o))]
        if ratios:
            name = f"geometric mean of torch / minigrad, {count}"
            result.summary[name] = geometric_mean(ratios)
    progress("")
    result.notes = [
        "medians [quartiles] of interleaved rounds; each library in a process of its own; a ratio "
        "above one says that minigrad is faster",
        *planted(options.plant),
        *left_out(absent, result.rows),
    ]
    return result


def left_out(absent: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who did not take part at all, and who not in some rows, with the reasons."""
    where: dict[str, list[str]] = {f"{name}: {why}": [] for name, why in absent.items()}
    for row in rows:
        for name, why in row["absent"].items():
            where.setdefault(f"{name}: {why}", []).append(row["row"])
    return [f"{t}{' (' + ', '.join(dict.fromkeys(r)) + ')' if r else ''}" for t, r in where.items()]


def planted(slower: float) -> list[str]:
    """The note on a slowdown that was made on purpose."""
    return [f"MINIGRAD WAS SLOWED DOWN BY {slower:.0%} ON PURPOSE"] if slower else []


def _speedup(one: Outcome) -> dict[str, Any]:
    """torch's time over minigrad's, if both were measured."""
    if not {"minigrad", "torch"} <= set(one.measured.times):
        return {}
    return {"torch / minigrad": vars(one.measured.ratio("torch", "minigrad"))}


def _table(title: str, unit: str, found: Sequence[tuple[Plan, Outcome]]) -> Table:
    """A column for each side that was measured in any row."""
    names = [n for n in SIDES if any(n in one.measured.times for _, one in found)]
    lines = []
    for plan, one in found:
        cells = [one.measured.of(n).text(1000) if n in one.measured.times else "-" for n in names]
        both = _speedup(one)
        ratio = one.measured.ratio("torch", "minigrad").text() if both else "-"
        rounds = len(next(iter(one.measured.times.values()), ()))
        lines.append([plan.name, str(plan.batch), *cells, ratio, str(rounds)])
    return Table(title, [unit, "batch", *names, "torch / minigrad", "rounds"], lines)
