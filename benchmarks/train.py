"""Whole training steps beside torch's: forward, loss, backward and optimiser, from tiny to ResNet.

Each side trains in a process of its own, told by turns to take some steps, so that the threads
of one, which wait for work by spinning, do not slow the other down.
"""

from __future__ import annotations

import argparse

from benchmarks.cases import CASES
from benchmarks.networks_suite import Plan, add_options, run
from benchmarks.report import Result

ROUNDS = 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=CASES, help="some cases")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    # The reference on NumPy takes seconds for a step of ResNet-50; it takes part if it is asked to.
    add_options(parser, leaving_out=("minigrad (NumPy)",))


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    chosen = [case for case in CASES if options.only is None or case in options.only]
    plans = [Plan(case, "train", {"case": case}, CASES[case].batch) for case in chosen]
    result = run("train", "Training", "step, ms", plans, options)
    result.notes.append("the losses of the first steps agree between the libraries")
    return result
