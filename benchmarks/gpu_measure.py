"""What is timed on a card: training steps, kernels bound by memory, products, the cost of a launch.

Times are those of the card's own events, medians of several samples after a warm-up; the host's
clock only where it is the host that is measured. Products may use TF32 on both sides. Each function
takes how often to measure, and the sizes, so that its logic can be tried where nothing is fast.
"""

from __future__ import annotations

import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.cases import CASES, Case, training

Row = dict[str, Any]
SAMPLES, LEAST = 20, 3e-3  # samples of a median, and the seconds that one takes at least

STEPS = {
    "tiny MLP 2-16-16-2, batch 32": (CASES["MLP 2-16-16-2"], 3.0),
    "MLP 784-256-10, batch 256": (CASES["MLP 784-256-10, SGD"], 3.0),
    "LeNet, batch 256": (CASES["LeNet"], 3.0),
    "ResNet-18 CIFAR, batch 256": (
        dataclasses.replace(CASES["ResNet-18 32x32"], batch=256), 1.0,
    ),
    "ResNet-50 224, batch 64": (
        dataclasses.replace(CASES["ResNet-50 224x224"], batch=64), 1.0,
    ),
}  # fmt: skip
SQUARES = ((1024, 1024, 1024), (4096, 4096, 4096), (8192, 1024, 1024))


def timed(lib: Any, run: Callable[[], Any], samples: int = SAMPLES) -> tuple[float, float]:
    """Median and half the range of the middle half, in seconds of the card, of one call."""
    for _ in range(3):
        run()
    lib.cuda.synchronize()
    begin = time.perf_counter()
    run()
    lib.cuda.synchronize()
    once = max(time.perf_counter() - begin, 1e-7)
    calls = max(1, min(1000, int(LEAST / once)))
    found = []
    for _ in range(samples):
        start, end = (lib.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(calls):
            run()
        end.record()
        end.synchronize()
        found.append(start.elapsed_time(end) * 1e-3 / calls)
    quarters = statistics.quantiles(found, n=4) if len(found) > 1 else [found[0]] * 3
    return statistics.median(found), (quarters[2] - quarters[0]) / 2


def captured(lib: Any, step: Callable[[], Any]) -> Callable[[], Any]:
    """A step as a graph, after a few of them on a side stream."""
    side = lib.cuda.Stream()
    side.wait_stream(lib.cuda.current_stream())
    with lib.cuda.stream(side):
        for _ in range(3):
            step()
    lib.cuda.current_stream().wait_stream(side)
    graph = lib.cuda.CUDAGraph()
    with lib.cuda.graph(graph):
        step()
    return graph.replay  # type: ignore[no-any-return]


def allow_tf32(*libs: Any) -> None:
    """Products and convolutions of float32 may round their factors, everywhere alike."""
    for lib in libs:
        lib.backends.cuda.matmul.allow_tf32 = lib.backends.cudnn.allow_tf32 = True


def noted(row: Row, name: str, measure: Callable[[], tuple[float, float]]) -> None:
    """A time and its spread in a row; the error of what fails, which stops nothing else."""
    try:
        row[name], row[f"{name} spread"] = measure()
    except Exception as error:
        row["error"] = f"{name}: {type(error).__name__}: {error}"[:300]


def steps(
    mine: Any, theirs: Any, cases: dict[str, tuple[Case, float]] = STEPS, samples: int = SAMPLES
) -> Iterator[Row]:
    """Training steps, eager and captured; ``theirs`` is torch, or None where there is none."""
    for name, (case, goal) in cases.items():
        row: Row = {"what": name, "goal": goal}
        for side, lib in (("", mine), ("torch ", theirs)):
            if lib is None:
                continue
            try:
                step = training(lib, case, "cuda")
            except Exception as error:
                row["error"] = f"{side}{type(error).__name__}: {error}"[:300]
                continue
            noted(row, f"{side}eager", lambda lib=lib, s=step: timed(lib, s, samples))  # type: ignore[misc]
            noted(
                row,
                f"{side}captured",
                lambda lib=lib, s=step: timed(lib, captured(lib, s), samples),  # type: ignore[misc]
            )
            del step
            gc.collect()
            lib.cuda.empty_cache()
        if {"captured", "torch eager"} <= row.keys():
            row["ratio"] = row["torch eager"] / row["captured"]
        yield row


def memory_kernels(n: int) -> list[tuple[str, tuple[Any, ...], int]]:
    """Kernels, arguments with "x" and "y" for arrays of n float32 and so on, and bytes moved."""
    rows, line = max(n // 1024, 1), min(n, 1024)
    n = rows * line
    four = 4 * n
    return [
        ("relu", ("x", "y", n, 0, 0), 2 * four),
        ("gelu", ("x", "y", n, 0, 0), 2 * four),
        ("relu_backward", ("x", "z", "y", n, 0, 0), 3 * four),
        ("bias_relu", ("x", "line", "y", n, line, 1), 2 * four),
        ("softmax", ("x", "y", rows, line, 1, 0), 2 * four),
        ("softmax_backward", ("x", "z", "y", rows, line, 1, 0), 3 * four),
        ("row_norm", ("x", "line", "line", "y", "rows", "rows", "rows", rows, 1, line, 1, 1e-5),
         2 * four),
        ("reduce", ("x", "rows", rows, line, 1, 0, 1.0), four),
        ("dropout", ("x", "y", n, 1, 0, None, 0.5), 2 * four),
        ("sgd_step", ("y", "x", "z", n, 0.1, 0.9, 0.0, 0.0, 1.0, 0, 0), 5 * four),
        ("axpby", ("x", "z", "y", n, 2.0, 1.0), 3 * four),
    ]  # fmt: skip


def bandwidth(mine: Any, n: int = 1 << 26, samples: int = SAMPLES) -> Iterator[Row]:
    """Kernels that wait for memory, beside a plain copy of the same size on the same card."""
    from minigrad.backend.cuda_kernels import served

    make = {"x": n, "y": n, "z": n, "line": 1024, "rows": max(n // 1024, 1)}
    arrays = {name: mine.rand(size, device="cuda")._array for name, size in make.items()}
    kernels = served(arrays["x"])
    assert kernels is not None
    x, y = arrays["x"], arrays["y"]
    whole, spread = timed(mine, lambda: y.__setitem__(Ellipsis, x), samples)
    copy = 2 * x.nbytes / whole
    yield {"what": "copy", "seconds": whole, "seconds spread": spread, "bytes/s": copy}
    for name, words, size in memory_kernels(n):
        given = tuple(arrays.get(w, w) if isinstance(w, str) else w for w in words)
        row: Row = {"what": name, "goal": 0.85}
        run = kernels[name]
        noted(row, "seconds", lambda r=run, g=given: timed(mine, lambda: r(*g), samples))  # type: ignore[misc]
        if "seconds" in row:
            row["bytes/s"] = size / row["seconds"]
            row["ratio"] = row["bytes/s"] / copy
        yield row


def products(
    mine: Any, theirs: Any, sizes: Sequence[tuple[int, int, int]] = SQUARES, samples: int = SAMPLES
) -> Iterator[Row]:
    """``a @ b`` by the wrapper and by torch, which calls cuBLAS as well."""

    def measured(lib: Any, dtype: str, m: int, k: int, n: int) -> tuple[float, float]:
        a, b = (lib.rand(*s, device="cuda").to(getattr(lib, dtype)) for s in ((m, k), (k, n)))
        return timed(lib, lambda: a @ b, samples)

    for dtype in ("float32", "float16", "bfloat16"):
        for m, k, n in sizes:
            row: Row = {"what": f"{m}x{k} @ {k}x{n}, {dtype}", "goal": 0.95}
            for name, lib in (("minigrad", mine), ("torch", theirs)):
                if lib is not None:
                    size = (lib, dtype, m, k, n)
                    noted(row, name, lambda size=size: measured(*size))  # type: ignore[misc]
                if name in row:
                    row[f"{name} TFLOP/s"] = 2e-12 * m * k * n / row[name]
            if {"minigrad", "torch"} <= row.keys():
                row["ratio"] = row["torch"] / row["minigrad"]
            yield row


def overhead(mine: Any, theirs: Any, calls: int = 200, samples: int = SAMPLES) -> Iterator[Row]:
    """What an op costs the host, of tensors so small that the card is never behind."""
    ops: dict[str, Callable[[Any, Any], Any]] = {
        "x + x": lambda lib, x: x + x,
        "x * 2": lambda lib, x: x * 2,
        "relu": lambda lib, x: lib.nn.functional.relu(x),
        "softmax": lambda lib, x: lib.softmax(x, 1),
        "x @ x": lambda lib, x: x @ x,
        "sum": lambda lib, x: x.sum(),
    }

    def measured(lib: Any, op: Callable[[Any, Any], Any]) -> tuple[float, float]:
        x, found = lib.rand(8, 8, device="cuda"), []
        for _ in range(samples + 1):
            lib.cuda.synchronize()
            begin = time.perf_counter()
            for _ in range(calls):
                op(lib, x)
            found.append((time.perf_counter() - begin) / calls)
        return statistics.median(found[1:]), (max(found[1:]) - min(found[1:])) / 2

    for name, op in ops.items():
        row: Row = {"what": name, "goal": 1.5}
        for side, lib in (("minigrad", mine), ("torch", theirs)):
            if lib is not None:
                noted(row, side, lambda lib=lib, op=op: measured(lib, op))  # type: ignore[misc]
        if {"minigrad", "torch"} <= row.keys():
            row["times torch's"] = row["minigrad"] / row["torch"]
        yield row


def rehearsed(name: str, mine: Any) -> Iterator[Row]:
    """A part on the stand-in: minigrad in torch's place as well, and sizes that it can do."""
    tiny = {name: STEPS[name] for name in list(STEPS)[:1]}
    small: dict[str, tuple[Any, ...]] = {
        "steps": (mine, mine, tiny, 2),
        "bandwidth": (mine, 2048, 2),
        "products": (mine, mine, ((8, 8, 8),), 2),
        "overhead": (mine, mine, 2, 2),
    }
    return PARTS[name](*small[name])


PARTS: dict[str, Callable[..., Iterator[Row]]] = {
    "steps": steps, "bandwidth": bandwidth, "products": products, "overhead": overhead,
}  # fmt: skip
