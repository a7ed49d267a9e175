"""Peak memory of training and of inference beside torch's; whether it stays flat over 10,000 steps.

Every measurement is made in a fresh process, because memory that a process has had once it
seldom gives back.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import CASES
from benchmarks.report import Result, Table, progress
from benchmarks.timing import Spread, geometric_mean, spread

ROUNDS = 3
MEBI = 2**20
LIBRARIES = ("minigrad", "torch")
WORK = ("training", "inference")
ROOT = Path(__file__).parent.parent
SETTLED = 0.5  # part of a long run after which free lists are full and memory must not grow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=CASES, help="some cases")
    parser.add_argument("--batch", type=int, help="samples at a time, instead of the case's own")
    parser.add_argument("--steps", type=int, default=10_000, help="steps of the long run (10000)")


def child(mode: str, **options: Any) -> dict[str, Any]:
    """What one measurement in a process of its own found."""
    command = [sys.executable, "-m", "benchmarks.memory_child", mode]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    result = Result("memory")
    chosen = [case for case in CASES if options.only is None or case in options.only]
    for work in WORK:
        rows = [peaks(work, case, options.batch, options.rounds) for case in chosen]
        result.rows += rows
        header = [f"peak MiB of {work}", "batch", *LIBRARIES, "minigrad / torch"]
        result.tables.append(Table(f"Memory: {work}", header, [_peak_line(row) for row in rows]))
        name = f"geometric mean of minigrad / torch, {work}"
        result.summary[name] = geometric_mean(row["ratio"]["median"] for row in rows)
    flat = flatness(options.steps)
    result.rows.append(flat)
    result.tables.append(_flat_table(flat))
    result.summary["growth in bytes per step"] = flat["bytes per step"]
    progress("")
    result.notes = [
        f"medians [quartiles] of {options.rounds} fresh processes; peak resident memory during "
        "three rounds, less what was resident with libraries, model and batch in place",
        "what both libraries compute agrees",
    ]
    return result


def peaks(work: str, case: str, batch: int | None, rounds: int) -> dict[str, Any]:
    """Peaks of both libraries for one case, in turns."""
    given: dict[str, Any] = {"case": case} | ({} if batch is None else {"batch": batch})
    found: dict[str, list[float]] = {library: [] for library in LIBRARIES}
    losses: dict[str, list[float]] = {}
    for number, library in itertools.product(range(rounds), LIBRARIES):
        progress(f"memory {work} {case}: {library}, {number + 1}/{rounds}")
        one = child(work, library=library, **given)
        losses[library] = one["losses"]
        found[library].append(one["peak"])
    if not np.allclose(losses["minigrad"], losses["torch"], rtol=2e-3, atol=1e-5):
        raise AssertionError(f"{work} {case}: minigrad and torch disagree: {losses}")
    mine, theirs = (found[library] for library in LIBRARIES)
    around = spread(a / b for a, b in zip(mine, theirs, strict=True))
    ratio = Spread(spread(mine).median / spread(theirs).median, around.low, around.high)
    facts = {"row": f"{case}, {work}", "case": case, "batch": batch or CASES[case].batch}
    return (
        facts
        | {library: vars(spread(found[library])) for library in LIBRARIES}
        | {"ratio": vars(ratio)}
    )


def _peak_line(row: dict[str, Any]) -> list[str]:
    """A row of the table."""
    sizes = [Spread(**row[library]).text(1 / MEBI) for library in LIBRARIES]
    return [row["case"], str(row["batch"]), *sizes, Spread(**row["ratio"]).text()]


def flatness(steps: int) -> dict[str, Any]:
    """The long run of a small network, and the slope of its resident memory."""
    progress(f"memory: {steps} steps without the garbage collector")
    found = child("flat", steps=steps)
    samples = np.array(found["samples"], dtype=np.float64)
    settled = samples[samples[:, 0] >= SETTLED * steps]
    slope = float(np.polyfit(settled[:, 0], settled[:, 1], 1)[0])
    return {
        "row": "flatness",
        "steps": steps,
        "bytes per step": slope,
        "growth": float(settled[-1, 1] - settled[0, 1]),
        "warm-up growth": float(settled[0, 1] - samples[0, 1]),
        "unreachable objects": found["garbage"],
        "samples": found["samples"],
    }


def _flat_table(flat: dict[str, Any]) -> Table:
    """The long run, as a table."""
    steps, first = flat["steps"], round(SETTLED * flat["steps"])
    rows = [
        [f"growth during steps {first} to {steps}", f"{flat['growth'] / 1024:.0f} KiB"],
        ["slope there", f"{flat['bytes per step']:.3f} bytes per step"],
        [f"growth before (steps 0 to {first})", f"{flat['warm-up growth'] / 1024:.0f} KiB"],
        ["objects that only a collector would free", str(flat["unreachable objects"])],
    ]
    title = f"Memory: {steps} steps of a small MLP with Adam, garbage collector off"
    return Table(title, ["resident memory of minigrad", "value"], rows)
