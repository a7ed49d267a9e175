"""What a trained network costs to ask: one example, and a batch, without recording."""

from __future__ import annotations

import argparse

from benchmarks.cases import CASES
from benchmarks.networks_suite import Plan, add_options, run
from benchmarks.report import Result

ROUNDS = 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=CASES, help="some cases")
    parser.add_argument("--threads", nargs="+", type=int, default=[1], metavar="N")
    parser.add_argument("--batches", nargs="+", type=int, metavar="N", help="[1, and the case's]")
    add_options(parser)


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    plans = []
    for case in CASES:
        name = case.removesuffix(", SGD")  # which takes no step here
        if (options.only is None or case in options.only) and not case.endswith("Adam"):
            for batch in options.batches or (1, CASES[case].batch):
                plans.append(Plan(name, "infer", {"case": case, "batch": batch}, batch))
    result = run("infer", "Inference", "ms", plans, options)
    result.notes.append("what the networks say agrees between the libraries")
    return result
