"""Peak memory of a training step beside torch's, and whether memory stays flat over 10,000 steps.

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

from benchmarks.models import MODELS, OPTIMIZERS
from benchmarks.report import Result, Table, progress
from benchmarks.timing import Spread, digits, geometric_mean, spread

ROUNDS = 3
MEBI = 2**20
LIBRARIES = ("minigrad", "torch")
ROOT = Path(__file__).parent.parent
SETTLED = 0.5  # part of a long run after which free lists are full and memory must not grow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["mlp", "lenet"])
    parser.add_argument("--optimizers", nargs="+", choices=OPTIMIZERS, default=["sgd", "adam"])
    parser.add_argument("--batch", type=int, default=256, help="images in a step (256)")
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
    table = []
    for model, optimizer in itertools.product(options.models, options.optimizers):
        row = peaks(model, optimizer, options.batch, options.rounds)
        result.rows.append(row)
        table.append(_peak_line(row))
    header = ["peak MiB of a step", *LIBRARIES, "ratio"]
    header += [f"{x}, first time" for x in LIBRARIES] + ["minigrad's own account"]
    result.tables.append(Table(f"Memory: one step on {options.batch} images", header, table))
    name = "geometric mean of minigrad / torch"
    result.summary[name] = geometric_mean(row["warm ratio"]["median"] for row in result.rows)
    flat = flatness(options.steps)
    result.rows.append(flat)
    result.tables.append(_flat_table(flat))
    result.summary["growth in bytes per step"] = flat["bytes per step"]
    progress("")
    result.notes = [
        f"medians [quartiles] of {options.rounds} fresh processes; peak resident memory during "
        "three steps, less what was resident with libraries, model and batch in place",
        "first time: with the pages of the libraries' own code that the first step reads in",
        "own account: peak of what Python and NumPy allocated (tracemalloc)",
        "losses of all steps agree between the libraries",
    ]
    return result


def peaks(model: str, optimizer: str, batch: int, rounds: int) -> dict[str, Any]:
    """Peaks of both libraries for one model and optimiser, in turns."""
    given = {"model": model, "optimizer": optimizer, "batch": batch}
    found: dict[tuple[str, str], list[float]] = {}
    losses: dict[str, list[float]] = {}
    for number, mode, library in itertools.product(range(rounds), ("warm", "cold"), LIBRARIES):
        progress(f"memory {model} {optimizer}: {mode} {library}, {number + 1}/{rounds}")
        one = child(mode, library=library, **given)
        losses[library] = one["losses"]
        found.setdefault((mode, library), []).append(one["peak"])
    if not np.allclose(losses["minigrad"], losses["torch"], rtol=1e-4):
        raise AssertionError(f"{model} {optimizer}: minigrad and torch disagree: {losses}")
    row: dict[str, Any] = {"row": f"{model}, {optimizer}", **given}
    for mode in ("warm", "cold"):
        mine, theirs = (found[mode, library] for library in LIBRARIES)
        around = spread(a / b for a, b in zip(mine, theirs, strict=True))
        ratio = Spread(spread(mine).median / spread(theirs).median, around.low, around.high)
        row[mode] = {library: vars(spread(found[mode, library])) for library in LIBRARIES}
        row[f"{mode} ratio"] = vars(ratio)
    row["ledger"] = child("ledger", **given)["peak"]
    return row


def _peak_line(row: dict[str, Any]) -> list[str]:
    """A row of the table."""
    warm = [Spread(**row["warm"][x]).text(1 / MEBI) for x in LIBRARIES]
    cold = [digits(row["cold"][x]["median"] / MEBI) for x in LIBRARIES]
    ratio = Spread(**row["warm ratio"]).text()
    return [row["row"], *warm, ratio, *cold, digits(row["ledger"] / MEBI)]


def flatness(steps: int) -> dict[str, Any]:
    """The long run of a small network, and the slope of its resident memory."""
    progress(f"memory: {steps} steps without the garbage collector")
    found = child("flat", model="small_mlp", optimizer="adam", batch=16, steps=steps)
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
