"""Kernels that memory limits, beside torch's and beside what copying as many bytes takes.

A kernel that reads and writes each number once can't be faster than a copy of as many bytes. The
share of that limit is what the last column says: of what is read and written at least, once, by
whatever algorithm; for functions that compute much per number it says how far from memory they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.libraries import difference, load
from benchmarks.report import Result, Table, progress
from benchmarks.timing import Measurement, digits, geometric_mean, in_turns

ROUNDS = 15
PATIENCE = 3.0  # seconds for one row
LIBRARIES = ("minigrad", "torch")
Prepare = Callable[[Any, tuple[int, ...]], Callable[[Any], Any]]


@dataclass(frozen=True)
class Row:
    """A function of one tensor, and the least that it moves, in parts of that tensor's size.

    ``prepare(lib, shape)`` makes the function: what else it needs is there before time is taken.
    """

    name: str
    prepare: Prepare
    shape: tuple[int, ...]
    forward: float = 2.0
    backward: float = 3.0


def _functional(name: str, *args: Any, **options: Any) -> Prepare:
    return lambda lib, _: lambda x: getattr(lib.nn.functional, name)(x, *args, **options)


def _cross_entropy(lib: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    target = lib.arange(shape[0]) * 7919 % shape[1]
    return lambda x: lib.nn.functional.cross_entropy(x, target)


def _mean_of_places(lib: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    return lambda x: x.mean((2, 3))


def _batch_norm(training: bool) -> Prepare:
    def prepare(lib: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
        running = lib.linspace(-1, 1, shape[1]), lib.linspace(1, 2, shape[1])
        affine = [t.clone() for t in running]
        return lambda x: lib.nn.functional.batch_norm(x, *running, *affine, training)

    return prepare


def _embedding(lib: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    index = lib.arange(4096) * 7919 % shape[0]
    return lambda x: lib.nn.functional.embedding(index, x)


def _layer_norm(lib: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    w, b = lib.linspace(-1, 1, shape[1]), lib.linspace(1, 2, shape[1])
    return lambda x: lib.nn.functional.layer_norm(x, shape[1:], w, b)


ACTIVATIONS = ("relu", "leaky_relu", "hardtanh", "sigmoid", "tanh", "silu", "gelu", "softplus")
LARGE, SMALL, IMAGES = (1000, 1000), (100, 100), (32, 64, 32, 32)
ROWS = (
    *(Row(f"{name}, 1e6", _functional(name), LARGE) for name in ACTIVATIONS),
    *(Row(f"{name}, 1e4", _functional(name), SMALL) for name in ACTIVATIONS),
    Row("gelu (tanh), 1e6", _functional("gelu", approximate="tanh"), LARGE),
    Row("dropout, 1e6", _functional("dropout", 0.5), LARGE, 2.03, 2.03),
    Row("dropout, 1e4", _functional("dropout", 0.5), SMALL, 2.03, 2.03),
    Row("batch_norm 32x64x32x32", _batch_norm(True), IMAGES),
    Row("batch_norm 32x64x32x32, eval", _batch_norm(False), IMAGES, 2, 2),
    Row("batch_norm 256x256", _batch_norm(True), (256, 256)),
    Row("batch_norm 32x512x4x4", _batch_norm(True), (32, 512, 4, 4)),
    Row("batch_norm 32x512x4x4, eval", _batch_norm(False), (32, 512, 4, 4), 2, 2),
    Row("layer_norm 4096x768", _layer_norm, (4096, 768)),
    Row("layer_norm 256x64", _layer_norm, (256, 64)),
    Row("layer_norm 32x10", _layer_norm, (32, 10)),
    Row("group_norm 32x64x32x32", _functional("group_norm", 8), IMAGES),
    Row("softmax 256x1000", _functional("softmax", 1), (256, 1000)),
    Row("softmax 16384x64", _functional("softmax", 1), (16384, 64)),
    Row("softmax 32x10", _functional("softmax", 1), (32, 10)),
    Row("softmax of channels 32x64x32x32", _functional("softmax", 1), IMAGES),
    Row("log_softmax 256x1000", _functional("log_softmax", 1), (256, 1000)),
    Row("cross_entropy 256x1000", _cross_entropy, (256, 1000), 1, 2),
    Row("cross_entropy 256x10", _cross_entropy, (256, 10), 1, 2),
    Row("max_pool2d 2, 32x64x32x32", _functional("max_pool2d", 2), IMAGES, 1.32, 1.32),
    Row("avg_pool2d 2, 32x64x32x32", _functional("avg_pool2d", 2), IMAGES, 1.25, 1.25),
    Row(
        "global average 32x512x7x7",
        _functional("adaptive_avg_pool2d", 1),
        (32, 512, 7, 7),
        1,
        1,
    ),
    Row(
        "mean of places 32x512x7x7", lambda lib, _: lambda x: x.mean((2, 3)), (32, 512, 7, 7), 1, 1
    ),
    Row("embedding 4096 of 10000x256", _embedding, (10000, 256), 0.82, 1.41),
    Row("unfold 3x3, 8x64x32x32", _functional("unfold", 3, padding=1), (8, 64, 32, 32), 10, 10),
    Row(
        "fold 3x3, 8x576x1024",
        _functional("fold", (32, 32), 3, padding=1),
        (8, 576, 1024),
        1.11,
        1.11,
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    names = [row.name for row in ROWS]
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=names, help="some rows")


def copying(count: float, rounds: int) -> float:
    """Seconds that copying takes which reads and writes so many bytes in all."""
    source = np.ones(max(1, int(count / 8)), np.float32)
    target = np.zeros_like(source)
    measured = in_turns({"copy": lambda: np.copyto(target, source)}, rounds)
    return min(measured.times["copy"])


def measure_row(row: Row, libs: dict[str, Any], rounds: int) -> dict[str, Measurement]:
    """Forward and backward of both libraries, by turns, after comparing what they compute."""
    numbers = np.random.default_rng(0).standard_normal(row.shape).astype(np.float32)
    forward, backward, first = {}, {}, {}
    for name, lib in libs.items():
        lib.manual_seed(0)
        x = lib.tensor(numbers)
        wants = lib.tensor(numbers, requires_grad=True)
        call = row.prepare(lib, row.shape)
        y = call(wants)
        g = lib.ones_like(y)
        first[name] = y

        def run(call: Any = call, x: Any = x) -> Any:
            return call(x)

        def back(lib: Any = lib, y: Any = y, x: Any = wants, g: Any = g) -> Any:
            return lib.autograd.grad(y, x, g, retain_graph=True)

        forward[name], backward[name] = run, back
    wrong = difference(first["minigrad"], first["torch"])
    if wrong:
        raise AssertionError(f"{row.name}: {wrong}")
    return {
        "forward": in_turns(forward, rounds, patience=PATIENCE),
        "backward": in_turns(backward, rounds, patience=PATIENCE),
    }


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    result = Result("kernels")
    libs = {name: load(name) for name in LIBRARIES}
    libs["minigrad"].set_num_threads(1)
    chosen = [row for row in ROWS if options.only is None or row.name in options.only]
    lines: dict[str, list[Any]] = {"forward": [], "backward": []}
    ratios: dict[str, list[float]] = {"forward": [], "backward": []}
    for number, row in enumerate(chosen):
        progress(f"kernels {number + 1}/{len(chosen)}: {row.name}")
        size = 4 * int(np.prod(row.shape))
        for name, one in measure_row(row, libs, options.rounds).items():
            moved = size * (row.forward if name == "forward" else row.backward)
            mine, theirs = (min(one.times[library]) for library in LIBRARIES)
            limit = copying(moved, options.rounds)
            ratio = one.fastest()
            ratios[name].append(theirs / mine)
            micro = [digits(t * 1e6) for t in (mine, theirs, limit)]
            lines[name].append(
                [row.name, *micro[:2], ratio.text(), micro[2], f"{limit / mine:.0%}"]
            )
            facts = {"row": row.name, "pass": name, "copy": limit, "share": limit / mine}
            result.rows.append({**facts, **one.data(), "torch / minigrad": vars(ratio)})
    header = ("", "minigrad, us", "torch, us", "torch / minigrad", "a copy, us", "of the limit")
    for name, rows in lines.items():
        result.tables.append(Table(f"Kernels: {name}, one thread", header, rows))
        result.summary[f"{name}: geometric mean of torch / minigrad"] = geometric_mean(ratios[name])
        result.summary[f"{name}: least"] = min(ratios[name])
    progress("")
    result.notes = [
        f"the fastest of {options.rounds} interleaved rounds or fewer; in brackets "
        "quartiles of the ratios within rounds; times with the call through autograd",
    ]
    return result
