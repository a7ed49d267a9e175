"""Whole training steps beside torch's: forward, loss, backward and optimiser, from tiny to ResNet.

Each library trains in a process of its own, told by turns to take some steps, so that the threads
of one, which wait for work by spinning, do not slow the other down.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environment import THREAD_VARIABLES
from benchmarks.report import Result, Table, progress
from benchmarks.timing import Measurement, geometric_mean
from benchmarks.train_child import CASES

ROUNDS = 9
LIBRARIES = ("minigrad", "torch")
ROOT = Path(__file__).parent.parent
LEAST = 0.1  # seconds that a side works before it is the other's turn
PATIENCE = 20.0  # seconds for one case: large networks get fewer rounds, but three


class Trainer:
    """A process that trains."""

    def __init__(self, library: str, case: str, threads: int) -> None:
        command = [sys.executable, "-m", "benchmarks.train_child", "--library", library]
        command += ["--case", case, "--threads", str(threads)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.losses: list[float] = json.loads(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        return line

    def seconds(self, steps: int) -> float:
        """What so many steps take."""
        assert self.process.stdin is not None
        print(steps, file=self.process.stdin, flush=True)
        return float(self._line())

    def close(self) -> None:
        """Let the process end."""
        self.process.communicate()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=CASES, help="some cases")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")


def measure_case(case: str, threads: int, rounds: int) -> tuple[Measurement, int]:
    """Seconds per step of both libraries, by turns; and how many rounds there were."""
    trainers: dict[str, Trainer] = {}
    try:
        for library in LIBRARIES:
            trainers[library] = Trainer(library, case, threads)
        mine, theirs = (trainers[library].losses for library in LIBRARIES)
        if not np.allclose(mine, theirs, rtol=2e-3):
            raise AssertionError(f"{case}: the losses disagree: minigrad {mine}, torch {theirs}")
        steps, spent = {}, 0.0
        for library, trainer in trainers.items():
            once = trainer.seconds(1)
            steps[library] = max(1, math.ceil(LEAST / max(once, 1e-9)))
            spent += once * steps[library]
        rounds = min(rounds, max(3, int(PATIENCE / spent)))
        times: dict[str, list[float]] = {library: [] for library in LIBRARIES}
        for number in range(rounds):
            for library in LIBRARIES if number % 2 else LIBRARIES[::-1]:
                taken = trainers[library].seconds(steps[library])
                times[library].append(taken / steps[library])
    finally:
        for trainer in trainers.values():
            trainer.close()
    return Measurement({library: tuple(values) for library, values in times.items()}), rounds


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    result = Result("train")
    chosen = [case for case in CASES if options.only is None or case in options.only]
    for threads in options.threads:
        lines, ratios = [], []
        for case in chosen:
            progress(f"train, {threads} threads: {case}")
            one, rounds = measure_case(case, threads, options.rounds)
            ratio = one.ratio("torch", "minigrad")
            ratios.append(ratio.median)
            times = [one.of(library).text(1000) for library in LIBRARIES]
            lines.append([case, str(CASES[case].batch), *times, ratio.text(), str(rounds)])
            facts: dict[str, Any] = {"row": case, "threads": threads, "batch": CASES[case].batch}
            result.rows.append({**facts, **one.data(), "torch / minigrad": vars(ratio)})
        header = ("step, ms", "batch", *LIBRARIES, "torch / minigrad", "rounds")
        title = f"Training: {threads} thread{'s' * (threads > 1)}"
        result.tables.append(Table(title, header, lines))
        name = f"geometric mean of torch / minigrad, {threads} thread{'s' * (threads > 1)}"
        result.summary[name] = geometric_mean(ratios)
    progress("")
    result.notes = [
        "medians [quartiles] of interleaved rounds; each library in a process of its own; a ratio "
        "above one says that minigrad is faster",
        "the losses of the first steps agree between the libraries",
    ]
    return result
