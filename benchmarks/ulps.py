"""How far kernels are from what exact arithmetic gives, in units in the last place, beside torch's.

The reference is the same computation in float64, of the same float32 numbers. An error is counted
in units in the last place of the exact value; where terms cancel, in those of the largest value
that stands with it (its row, its channel, or all), which is what the terms are about as large as.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.libraries import load, values
from benchmarks.report import Result, Table, progress
from benchmarks.timing import digits

ROUNDS = 3  # draws of the numbers; the worst counts
LIBRARIES = ("minigrad", "torch")
BOUND = 2.0  # times torch's error
TILES = 5.0  # the same for Winograd's algorithm with tiles of 6 x 6, which has a bound of its own
LEAST = 1.0  # units that nobody has to explain
Call = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Row:
    """A function of one tensor; ``axes`` are those along which an error is held to the largest.

    None: each value counts for itself. ``spread`` is the deviation of the numbers drawn.
    """

    name: str
    call: Call
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None = None
    spread: float = 1.0
    most: float = np.inf  # the numbers lie within; beyond, torch's float64 is no reference
    bound: float = BOUND


def _f(name: str, *args: Any, **options: Any) -> Call:
    return lambda lib, x: getattr(lib.nn.functional, name)(x, *args, **options)


def _target(lib: Any, x: Any) -> Any:
    return lib.arange(x.shape[0]) * 7 % x.shape[1]


def _other(lib: Any, x: Any, *shape: int) -> Any:
    """Numbers that depend on the shape alone, in the type of x."""
    numbers = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
    return lib.tensor(numbers).to(x.dtype)


def _conv(*shape: int, **options: Any) -> Call:
    return lambda lib, x: lib.nn.functional.conv2d(x, _other(lib, x, *shape), **options)


def _norm(lib: Any, x: Any) -> tuple[Any, Any]:
    return _other(lib, x, x.shape[-1]), _other(lib, x, 1, x.shape[-1])[0]


SMOOTH = ("sigmoid", "tanh", "silu", "elu", "softplus", "logsigmoid", "softsign", "mish")
PLAIN = ("exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "atan")
PLAIN += ("sinh", "cosh", "asinh", "erf", "erfc", "lgamma", "sqrt", "rsqrt", "exp2")
INSIDE = ("asin", "acos", "atanh", "erfinv")  # of numbers between -1 and 1
ROWS = (
    *(Row(name, _f(name), (100_000,), spread=3) for name in SMOOTH),
    Row("gelu", _f("gelu"), (100_000,), spread=2, most=4),
    Row("gelu (tanh)", _f("gelu", approximate="tanh"), (100_000,), spread=2, most=4),
    *(
        Row(name, lambda lib, x, name=name: getattr(lib, name)(x.abs()), (100_000,), spread=3)
        for name in PLAIN
    ),
    *(
        Row(
            name, lambda lib, x, name=name: getattr(lib, name)(x), (100_000,), spread=0.5, most=0.99
        )
        for name in INSIDE
    ),
    Row("atan2", lambda lib, x: lib.atan2(x, _other(lib, x, 100_000).abs() + 1), (100_000,)),
    Row("sum", lambda lib, x: x.sum(), (1_000_000,), (0,)),
    Row("sum of rows", lambda lib, x: x.sum(1), (300, 1000), (0,)),
    Row("mean of places", lambda lib, x: x.mean((2, 3)), (8, 64, 7, 7), (0, 1)),
    Row("var of rows", lambda lib, x: x.var(1), (300, 1000)),
    Row("softmax", _f("softmax", 1), (300, 1000)),
    Row("log_softmax", _f("log_softmax", 1), (300, 1000)),
    Row("logsumexp", lambda lib, x: lib.logsumexp(x, 1), (300, 1000)),
    Row(
        "cross_entropy",
        lambda lib, x: lib.nn.functional.cross_entropy(x, _target(lib, x), reduction="none"),
        (300, 100),
    ),
    Row(
        "batch_norm",
        lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True),
        (16, 32, 14, 14),
        (0, 2, 3),
    ),
    Row(
        "batch_norm far from 0",
        lambda lib, x: lib.nn.functional.batch_norm(x + 100, None, None, training=True),
        (16, 8, 14, 14),
        (0, 2, 3),
    ),
    Row(
        "batch_norm (N, C)",
        lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True),
        (256, 100),
        (0,),
    ),
    Row(
        "layer_norm",
        lambda lib, x: lib.nn.functional.layer_norm(x, x.shape[1:], *_norm(lib, x)),
        (300, 768),
        (1,),
    ),
    Row("group_norm", _f("group_norm", 4), (8, 32, 14, 14), (1, 2, 3)),
    Row("avg_pool2d", _f("avg_pool2d", 3, 2, 1), (4, 8, 32, 32), (2, 3)),
    Row("matmul", lambda lib, x: x @ _other(lib, x, 512, 64), (64, 512), (0, 1)),
    Row(
        "conv2d 3x3 (Winograd)",
        _conv(32, 32, 3, 3, padding=1),
        (4, 32, 16, 16),
        (0, 1, 2, 3),
        bound=TILES,
    ),
    Row(
        "conv2d 5x5 (Winograd)",
        _conv(16, 16, 5, 5, padding=2),
        (4, 16, 16, 16),
        (0, 1, 2, 3),
        bound=TILES,
    ),
    Row("conv2d 7x7", _conv(16, 16, 7, 7, padding=3), (4, 16, 16, 16), (0, 1, 2, 3)),
    Row("conv2d 1x1", _conv(64, 64, 1, 1), (4, 64, 14, 14), (0, 1, 2, 3)),
    Row("conv2d depthwise", _conv(32, 1, 3, 3, groups=32), (4, 32, 16, 16), (0, 1, 2, 3)),
    Row(
        "interpolate, bilinear",
        _f("interpolate", scale_factor=1.7, mode="bilinear"),
        (4, 8, 20, 20),
        (2, 3),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    names = [row.name for row in ROWS]
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=names, help="some rows")


def errors(found: Any, exact: Any, axes: tuple[int, ...] | None) -> float:
    """The greatest distance in units in the last place of float32.

    >>> errors(np.float32([1.0000001]), np.float64([1.0]), None)
    1.0
    """
    size = np.abs(exact)
    if axes is not None:
        kept = tuple(a for a in axes if a < size.ndim)
        size = np.broadcast_to(size.max(axis=kept, keepdims=True, initial=0.0), size.shape)
    units = np.spacing(np.maximum(size, np.finfo(np.float32).tiny).astype(np.float32))
    return float((np.abs(found.astype(np.float64) - exact) / units).max(initial=0.0))


def measure_row(row: Row, libs: dict[str, Any], draws: int) -> dict[str, dict[str, float]]:
    """The worst error of each library, of values and of gradients."""
    worst = {what: dict.fromkeys(LIBRARIES, 0.0) for what in ("forward", "backward")}
    for seed in range(draws):
        random = np.random.default_rng(seed)
        numbers = (random.standard_normal(row.shape) * row.spread).astype(np.float32)
        numbers = numbers.clip(-row.most, row.most)
        cotangent = random.standard_normal(10_000_000)
        exact = _both(row, libs["torch"], numbers, cotangent, "float64")
        for library, lib in libs.items():
            found = _both(row, lib, numbers, cotangent, "float32")
            for what, mine, right in zip(worst, found, exact, strict=True):
                error = errors(mine, right, row.axes)
                if what == "backward" and row.axes is None:
                    error = errors(mine, right, tuple(range(1, right.ndim)) or (0,))
                worst[what][library] = max(worst[what][library], error)
    return worst


def _both(row: Row, lib: Any, numbers: Any, cotangent: Any, dtype: str) -> tuple[Any, Any]:
    """The value of a row's function, and the gradient of its input."""
    x = lib.tensor(numbers).to(getattr(lib, dtype)).requires_grad_()
    y = row.call(lib, x)
    # one cotangent in float32 for both types, or the reference would be of other numbers
    g = cotangent[: int(np.prod(y.shape))].astype(np.float32).reshape(tuple(y.shape))
    (gx,) = lib.autograd.grad(y, x, lib.tensor(g).to(y.dtype))
    return values(y), values(gx)


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    result = Result("ulps")
    libs = {name: load(name) for name in LIBRARIES}
    chosen = [row for row in ROWS if options.only is None or row.name in options.only]
    lines = []
    for number, row in enumerate(chosen):
        progress(f"ulps {number + 1}/{len(chosen)}: {row.name}")
        cells, facts = [row.name], {"row": row.name}
        for what, found in measure_row(row, libs, options.rounds).items():
            mine, theirs = (found[library] for library in LIBRARIES)
            good = mine <= max(row.bound * theirs, LEAST)
            cells += [digits(mine), digits(theirs), "yes" if good else "NO"]
            facts |= {what: found, f"{what} within": good}
        result.rows.append(facts)
        lines.append(cells)
    header = ["error in ulps", "forward", "torch", "within", "backward", "torch", "within"]
    result.tables.append(Table("float32 against float64", header, lines))
    within = [row[f"{what} within"] for row in result.rows for what in ("forward", "backward")]
    result.summary["within twice torch's error, of one"] = sum(within) / len(within)
    progress("")
    result.notes = [
        f"the worst of {options.rounds} draws; within: at most {BOUND:g} times torch's error, or "
        f"at most {LEAST:g} unit; for Winograd's algorithm at most {TILES:g} times",
        "where terms cancel, and in gradients, units are those of the largest value beside it",
    ]
    return result
