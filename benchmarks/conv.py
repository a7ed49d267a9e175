"""Convolutions of well-known networks: forward, and the gradients of input and weight.

For each shape and number of threads: milliseconds on both sides, torch's time divided by minigrad's
(above 1, minigrad is faster), and minigrad's arithmetic beside what the processor's multiply-adds
could do. Where Winograd's algorithm saves multiplications that is more than all of it. A large
convolution takes longer than a scheduler leaves a processor alone; so the fastest round counts,
not the median one.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.libraries import difference, load, threads
from benchmarks.limits import multiply_adds
from benchmarks.report import Result, Table, progress
from benchmarks.timing import Measurement, digits, geometric_mean, in_turns

ROUNDS = 15
PATIENCE = 2.0  # seconds for one row; large shapes get fewer rounds
SEED = 1
PASSES = ("forward", "gradient of the input", "gradient of the weight")


@dataclass(frozen=True)
class Row:
    """A convolution with square kernel, stride and padding."""

    name: str
    size: tuple[int, int, int, int]
    made: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1

    @property
    def flops(self) -> float:
        """Multiplications and additions of the direct sum, in any of the passes."""
        n, c, h, w = self.size
        places = 1
        for length in (h, w):
            places *= (length + 2 * self.padding - self.kernel) // self.stride + 1
        return 2.0 * n * self.made * places * (c // self.groups) * self.kernel**2


ROWS = (
    Row("ResNet 7x7, first", (4, 3, 224, 224), 64, 7, 2, 3),
    Row("ResNet 3x3, 64", (4, 64, 56, 56), 64, 3, 1, 1),
    Row("ResNet 3x3, 64 to 128, stride", (4, 64, 56, 56), 128, 3, 2, 1),
    Row("ResNet 1x1, 64 to 128, stride", (4, 64, 56, 56), 128, 1, 2),
    Row("ResNet 3x3, 128", (4, 128, 28, 28), 128, 3, 1, 1),
    Row("ResNet 3x3, 256", (4, 256, 14, 14), 256, 3, 1, 1),
    Row("ResNet 3x3, 256 to 512, stride", (4, 256, 14, 14), 512, 3, 2, 1),
    Row("ResNet 3x3, 512", (8, 512, 7, 7), 512, 3, 1, 1),
    Row("ResNet-50 1x1, 256 to 64", (4, 256, 56, 56), 64, 1),
    Row("ResNet-50 1x1, 64 to 256", (4, 64, 56, 56), 256, 1),
    Row("ResNet-50 1x1, 1024 to 256", (4, 1024, 14, 14), 256, 1),
    Row("ResNet-50 1x1, 512 to 2048", (8, 512, 7, 7), 2048, 1),
    Row("VGG 3x3, first", (1, 3, 224, 224), 64, 3, 1, 1),
    Row("VGG 3x3, 64", (1, 64, 224, 224), 64, 3, 1, 1),
    Row("VGG 3x3, 512", (2, 512, 14, 14), 512, 3, 1, 1),
    Row("GoogLeNet 5x5, 32 to 96", (4, 32, 28, 28), 96, 5, 1, 2),
    Row("GoogLeNet 1x1, 192 to 16", (4, 192, 28, 28), 16, 1),
    Row("AlexNet 11x11, first", (4, 3, 224, 224), 64, 11, 4, 2),
    Row("AlexNet 5x5, 64 to 192", (4, 64, 27, 27), 192, 5, 1, 2),
    Row("LeNet 5x5, 1 to 6", (256, 1, 28, 28), 6, 5, 1, 2),
    Row("LeNet 5x5, 6 to 16", (256, 6, 14, 14), 16, 5),
    Row("ResNet-20 3x3, 16", (32, 16, 32, 32), 16, 3, 1, 1),
    Row("ResNet-20 3x3, 32", (32, 32, 16, 16), 32, 3, 1, 1),
    Row("ResNeXt 3x3, 32 groups", (4, 128, 28, 28), 128, 3, 1, 1, 32),
    Row("MobileNet 3x3, 32 alone", (4, 32, 112, 112), 32, 3, 1, 1, 32),
    Row("MobileNet 3x3, 64 alone, stride", (4, 64, 112, 112), 64, 3, 2, 1, 64),
    Row("MobileNet 3x3, 128 alone", (4, 128, 56, 56), 128, 3, 1, 1, 128),
    Row("MobileNet 3x3, 512 alone", (4, 512, 14, 14), 512, 3, 1, 1, 512),
    Row("MobileNet 3x3, 512 alone, stride", (4, 512, 14, 14), 512, 3, 2, 1, 512),
    Row("MobileNet 3x3, 1024 alone", (4, 1024, 7, 7), 1024, 3, 1, 1, 1024),
    Row("one image, 3x3, 64", (1, 64, 14, 14), 64, 3, 1, 1),
)


def passes(row: Row, lib: Any) -> dict[str, Callable[[], Any]]:
    """What is timed, by the names of the passes; a gradient is one sweep over a kept graph."""
    random = np.random.default_rng(SEED)
    n, c, h, w = row.size
    shapes = ((n, c, h, w), (row.made, c // row.groups, row.kernel, row.kernel), (row.made,))
    x, weight, bias = (lib.tensor(random.standard_normal(s).astype(np.float32)) for s in shapes)
    function = lib.nn.functional.conv2d
    numbers = {"stride": row.stride, "padding": row.padding, "groups": row.groups}

    def forward() -> Any:
        with lib.no_grad():
            return function(x, weight, bias, **numbers)

    g = lib.tensor(random.standard_normal(tuple(forward().shape)).astype(np.float32))

    def gradient(wanted: Any, one: Any, other: Any) -> Callable[[], Any]:
        y = function(one, other, None, **numbers)
        return lambda: lib.autograd.grad(y, wanted, g, retain_graph=True)[0]

    free_x, free_weight = (t.clone().requires_grad_() for t in (x, weight))
    sweeps = (gradient(free_x, free_x, weight), gradient(free_weight, x, free_weight))
    return dict(zip(PASSES, (forward, *sweeps), strict=True))


def measure_row(row: Row, libs: dict[str, Any], rounds: int) -> dict[str, Measurement]:
    """The passes of one row, each compared between the libraries and then timed."""
    found = {}
    sides = {name: passes(row, lib) for name, lib in libs.items()}
    for name in PASSES:
        wrong = difference(sides["minigrad"][name](), sides["torch"][name]())
        if wrong:
            raise AssertionError(f"{row.name}, {name}: minigrad and torch disagree: {wrong}")
        found[name] = in_turns({lib: sides[lib][name] for lib in libs}, rounds, patience=PATIENCE)
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=[row.name for row in ROWS])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    libs = {name: load(name) for name in ("minigrad", "torch")}
    level = importlib.import_module("minigrad.backend.native").level()
    chosen = [row for row in ROWS if options.only is None or row.name in options.only]
    result = Result("conv")
    result.summary["GFLOP/s of one thread's multiply-adds"] = fastest = multiply_adds()
    for count in options.threads:
        with threads(libs, count):
            found = {}
            for number, row in enumerate(chosen):
                progress(f"conv, {count} threads, {number + 1}/{len(chosen)}: {row.name}")
                found[row] = measure_row(row, libs, options.rounds)
            _add(result, found, count, fastest * count)
    progress("")
    result.notes = [
        f"the fastest of {options.rounds} interleaved rounds or fewer, float32, kernels of level "
        f"{level}; in brackets quartiles of the ratios within rounds",
        "GFLOP/s count the direct sum; in brackets, the part of what multiply-adds can do (limits)",
    ]
    return result


def _add(
    result: Result, found: dict[Row, dict[str, Measurement]], count: int, fastest: float
) -> None:
    """The tables, numbers and means for one number of threads."""
    header = ("", "minigrad, ms", "torch, ms", "torch / minigrad", "GFLOP/s")
    for name in PASSES:
        lines, ratios = [], []
        for row, by_pass in found.items():
            one = by_pass[name]
            mine, theirs = (min(one.times[lib]) for lib in ("minigrad", "torch"))
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
