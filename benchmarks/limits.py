"""What this machine can do at most, and how near products of matrices come to it.

Multiply-adds of one thread: a loop of independent ones in registers, at the level in use. Copying:
bytes read and written in a second, for blocks that fit each cache and for one that fits none.
Products are compared with the first, in units of GFLOP/s, beside torch's and NumPy's.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Any

import numpy as np

from benchmarks.libraries import load, threads
from benchmarks.report import Result, Table, progress
from benchmarks.timing import digits, in_turns

ROUNDS = 15
PATIENCE = 2.0  # seconds for one row
SECONDS = 2e-3  # of a loop of multiply-adds: short enough to be left alone for
BLOCKS = {"16 KiB": 1 << 14, "256 KiB": 1 << 18, "4 MiB": 1 << 22, "128 MiB": 1 << 27}
LAYOUTS = ("a b", "a bᵀ", "aᵀ b")
# Rows, columns, steps.
SHAPES = (
    (64, 64, 64), (128, 128, 128), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024),
    (2048, 2048, 2048), (256, 256, 784), (256, 10, 256), (10, 256, 256), (16, 512, 512),
    (256, 120, 400), (1000, 1000, 10), (16, 4096, 2304),
)  # fmt: skip


def multiply_adds(dtype: Any = np.float32, rounds: int = 50) -> float:
    """GFLOP/s of one thread at its fastest; of NumPy's product of 256 x 256 without kernels."""
    native = importlib.import_module("minigrad.backend.native")
    out = np.full(2, 0.3, dtype)
    run = native.kernel("multiply_adds", out)
    if run is None:
        a, made = np.ones((256, 256), dtype), np.empty((256, 256), dtype)
        times = in_turns({"product": lambda: np.dot(a, a, out=made)}, 20 * rounds).times
        return 2 * 256**3 / min(times["product"]) / 1e9
    run(out, 1)
    count, each = 100_000, float(out[0])

    def loop() -> None:
        out[:] = 0.3
        run(out, count)

    times = in_turns({"loop": loop}, rounds, least=SECONDS).times
    return each * count / min(times["loop"]) / 1e9


def copying(size: int, rounds: int = 50) -> float:
    """Gigabytes that one thread reads and writes in a second, copying a block of ``size`` bytes."""
    a, b = np.zeros(size, np.uint8), np.ones(size, np.uint8)
    times = in_turns({"copy": lambda: np.copyto(a, b)}, rounds, patience=PATIENCE).times
    return 2 * size / min(times["copy"]) / 1e9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    libs = {name: load(name) for name in ("minigrad", "torch")}
    level = importlib.import_module("minigrad.backend.native").level()
    result = Result("limits")
    for dtype in (np.float32, np.float64):
        name = f"GFLOP/s of multiply-adds, one thread, {np.dtype(dtype).name}"
        result.summary[name] = multiply_adds(dtype)
    for name, size in BLOCKS.items():
        result.summary[f"GB/s of copying {name}, one thread"] = copying(size)
    fastest = multiply_adds()
    for count in options.threads:
        with threads(libs, count):
            _products(result, libs, count, fastest * count, options.rounds)
    progress("")
    result.notes = [
        f"the fastest of {options.rounds} interleaved rounds or fewer, float32, kernels of level "
        f"{level}; in brackets the part of {digits(fastest)} GFLOP/s a thread",
        "NumPy's BLAS has the threads that it was started with: one",
    ]
    return result


def _products(
    result: Result, libs: dict[str, Any], count: int, fastest: float, rounds: int
) -> None:
    """The table of products for one number of threads."""
    lines = []
    for m, n, k in SHAPES:
        for layout in LAYOUTS:
            progress(f"limits, {count} threads: {m} {n} {k} {layout}")
            a = np.ones((k, m) if layout == "aᵀ b" else (m, k), np.float32)
            b = np.ones((n, k) if layout == "a bᵀ" else (k, n), np.float32)
            calls: dict[str, Any] = {"numpy": _call(np.asarray, np.dot, a, b, layout)}
            for name, lib in libs.items():
                calls[name] = _call(lib.tensor, lib.mm, a, b, layout)
            one = in_turns(calls, rounds, patience=PATIENCE)
            flops = {name: 2e-9 * m * n * k / min(one.times[name]) for name in calls}
            shown = [f"{digits(v)} ({v / fastest:.0%})" for v in flops.values()]
            lines.append((f"{m} x {k} x {n}, {layout}", *shown))
            facts = {"row": [m, n, k], "layout": layout, "threads": count, "gflops": flops}
            result.rows.append({**facts, **one.data()})
    header = ("GFLOP/s", "NumPy", *libs)
    title = f"Products of matrices, {count} thread{'s' * (count > 1)}"
    result.tables.append(Table(title, header, lines))


def _call(make: Any, multiply: Any, a: Any, b: Any, layout: str) -> Any:
    """One product, of a library's own matrices."""
    x, y = make(a), make(b)
    x, y = (x.T if layout == "aᵀ b" else x), (y.T if layout == "a bᵀ" else y)
    return lambda: multiply(x, y)
