"""Samples per second that loaders deliver, beside torch's loader on the same samples.

One call is one epoch. Workers are persistent, so that rows with workers show what they deliver and
not how they start; the last row shows that. Before anything is timed, the batches of an epoch are
compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.libraries import difference, load
from benchmarks.report import Result, Table, progress
from benchmarks.timing import Measurement, digits, geometric_mean, in_turns

ROUNDS = 15
SEED = 3
COMPARED = 4  # batches


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this suite alone."""
    parser.add_argument("--samples", type=int, default=2048, help="in an epoch (2048)")
    parser.add_argument("--rows", nargs="+", metavar="TEXT", help="only rows whose names have it")


def table(lib: Any, count: int) -> Any:
    """Rows of features and a label, in memory."""
    rng = np.random.default_rng(SEED)
    features = rng.standard_normal((count, 20), dtype=np.float32)
    labels = rng.integers(0, 10, count)
    return lib.utils.data.TensorDataset(lib.from_numpy(features), lib.from_numpy(labels))


def part(lib: Any, count: int) -> Any:
    """A random half of twice as many rows."""
    generator = lib.Generator().manual_seed(SEED)
    return lib.utils.data.random_split(table(lib, 2 * count), [0.5, 0.5], generator)[0]


class Images:
    """Small colour images, decoded one by one by Python: bytes to floats, normalised."""

    def __init__(self, lib: Any, count: int) -> None:
        self.lib, self.count = lib, count
        self.pixels = np.random.default_rng(SEED).integers(0, 256, (256, 3, 32, 32), np.uint8)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> Any:
        image = self.lib.from_numpy(self.pixels[i % 256]).float().div_(255)
        return image.sub_(0.5).div_(0.25), i % 10


class Arrays(Images):
    """The same with NumPy alone: the loader's own work is all that differs."""

    def __getitem__(self, i: int) -> Any:
        return self.pixels[i % 256].astype(np.float32), i % 10


class Texts:
    """Dictionaries of token numbers, a mask, a label and a text."""

    def __init__(self, lib: Any, count: int) -> None:
        rng = np.random.default_rng(SEED)
        self.words = lib.from_numpy(rng.integers(0, 1000, (count, 64)))
        self.mask = self.words > 100

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, i: int) -> Any:
        return {"ids": self.words[i], "mask": self.mask[i], "label": i % 2, "text": str(i)}


@dataclass(frozen=True)
class Row:
    """A dataset of so many samples for a library, and the options of its loader."""

    name: str
    dataset: Callable[[Any, int], Any]
    batch: int
    workers: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def loader(self, lib: Any, count: int) -> Any:
        """The loader of one library."""
        options = {"shuffle": True, "num_workers": self.workers, **self.options}
        if self.workers:
            options.setdefault("persistent_workers", True)
        return lib.utils.data.DataLoader(self.dataset(lib, count), self.batch, **options)


ROWS = (
    *(Row(f"TensorDataset, {n} at a time", table, n) for n in (64, 256)),
    Row("TensorDataset in order, 64 at a time", table, 64, 0, {"shuffle": False}),
    Row("half of a TensorDataset, 64 at a time", part, 64),
    Row("TensorDataset, 64 at a time, 2 workers", table, 64, 2),
    *(Row(f"images as tensors, 64 at a time, {n} workers", Images, 64, n) for n in (0, 1, 2)),
    *(Row(f"images as arrays, 64 at a time, {n} workers", Arrays, 64, n) for n in (0, 1, 2)),
    *(Row(f"dictionaries, 64 at a time, {n} workers", Texts, 64, n) for n in (0, 2)),
    Row("start of 2 workers", table, 1024, 2, {"persistent_workers": False}),
)
# Further rows of the same kind, of whoever has some: of datasets with transforms, say.
MORE: list[Callable[[], Iterator[Row]]] = []


def measure(options: argparse.Namespace) -> Result:
    """Run the suite."""
    rows = [*ROWS, *(row for more in MORE for row in more())]
    wanted = [row for row in rows if not options.rows or any(t in row.name for t in options.rows)]
    libs = {name: load(name) for name in ("minigrad", "torch")}
    result = Result("data")
    lines = []
    for row in wanted:
        progress(f"data: {row.name}")
        loaders = {name: row.loader(lib, options.samples) for name, lib in libs.items()}
        compare(row, libs, loaders)
        measured = in_turns({n: _epoch(x) for n, x in loaders.items()}, options.rounds, waits=True)
        result.rows.append(_record(row, measured, options.samples))
        lines.append(_line(row, measured, options.samples))
        loaders.clear()  # ends persistent workers
    progress("")
    header = ["samples per second", "minigrad", "torch", "minigrad / torch"]
    result.tables.append(Table(f"Loaders: an epoch of {options.samples} samples", header, lines))
    name = "geometric mean of minigrad / torch"
    result.summary[name] = geometric_mean(row["throughput ratio"] for row in result.rows)
    result.notes = [
        f"medians [quartiles] of {options.rounds} epochs in turns; above 1.0 minigrad is faster",
        f"the first {COMPARED} batches agree between the libraries",
    ]
    return result


def compare(row: Row, libs: dict[str, Any], loaders: dict[str, Any]) -> None:
    """AssertionError unless both give the same batches for the same seed."""
    batches = {}
    for name, loader in loaders.items():
        libs[name].manual_seed(SEED)
        batches[name] = [batch for batch, _ in zip(loader, range(COMPARED), strict=False)]
    for mine, theirs in zip(batches["minigrad"], batches["torch"], strict=True):
        named = isinstance(theirs, dict)
        pairs = ((mine[k], theirs[k]) for k in theirs) if named else [(mine, theirs)]
        found = next(filter(None, (difference(a, b) for a, b in pairs)), "")
        if found:
            raise AssertionError(f"{row.name}: minigrad and torch disagree: {found}")


def _epoch(loader: Any) -> Callable[[], object]:
    def epoch() -> None:
        for _ in loader:
            pass

    return epoch


def _record(row: Row, measured: Measurement, samples: int) -> dict[str, Any]:
    ratio = 1 / measured.ratio().median
    return {"row": row.name, **measured.data(samples), "throughput ratio": ratio}


def _line(row: Row, measured: Measurement, samples: int) -> list[str]:
    speeds = [digits(samples / measured.of(side).median) for side in ("minigrad", "torch")]
    ratio = measured.ratio("torch", "minigrad")
    return [row.name, *speeds, ratio.text()]
