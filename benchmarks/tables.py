"""Results as tables for people: one for any suite, and those of the page for some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import kernels as kernel_lines
from benchmarks.report import Table
from benchmarks.results import label, measured, timed
from benchmarks.sides import SIDES
from benchmarks.timing import Measurement, Spread, digits, geometric_mean

Row = Mapping[str, Any]
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (0.0, "ns"))


def seconds(value: float) -> str:
    """A time with three digits and its unit.

    >>> seconds(0.0012)
    '1.20 ms'
    """
    scale, unit = next(pair for pair in UNITS if value >= pair[0])
    return f"{digits(value / (scale or 1e-9))} {unit}"


def table_of(content: Mapping[str, Any], most: int = 10_000) -> Table:
    """Every row that was timed: each side's median, and torch's time over minigrad's."""
    rows = [row for row in content["rows"] if timed(row)][:most]
    found = [measured(row) for row in rows]
    names = sides_of(found)
    lines = []
    for row, one in zip(rows, found, strict=True):
        cells = [seconds(one.of(n).median) if n in one.times else "-" for n in names]
        lines.append([label(row), *cells, speedup(one)])
    return Table(content["suite"], ["", *names, "torch / minigrad"], lines)


def sides_of(found: Sequence[Measurement]) -> list[str]:
    """The sides that take part in any row, minigrad first."""
    there = {name for one in found for name in one.times}
    return [*(n for n in SIDES if n in there), *sorted(there - set(SIDES))]


def speedup(one: Measurement) -> str:
    """torch's time over minigrad's with its quartiles, if there are both."""
    if not {"minigrad", "torch"} <= set(one.times):
        return "-"
    return one.ratio("torch", "minigrad").text()


def mean_speedup(rows: Sequence[Row], one: str = "torch", other: str = "minigrad") -> float | None:
    """The geometric mean of one side's time over another's."""
    found = [measured(row) for row in rows if timed(row)]
    ratios = [m.ratio(one, other).median for m in found if {one, other} <= set(m.times)]
    return geometric_mean(ratios) if ratios else None


def overhead(content: Mapping[str, Any]) -> Table:
    """An op for each line, a pass for each column."""
    passes = list(dict.fromkeys(row["pass"] for row in content["rows"]))
    by_row: dict[str, dict[str, str]] = {}
    for row in content["rows"]:
        one = measured(row)
        mine, theirs = (digits(one.of(n).median * 1e6) for n in ("minigrad", "torch"))
        name = f"**{row['row']}**" if row["judged"] else row["row"]
        by_row.setdefault(name, {})[row["pass"]] = f"{mine} / {theirs} = {one.ratio().text()}"
    lines = [[name, *(cells.get(p, "") for p in passes)] for name, cells in by_row.items()]
    return Table("overhead", ["op, µs", *passes], lines)


def peaks(content: Mapping[str, Any]) -> Table:
    """Peak memory of both libraries."""
    lines = []
    for row in content["rows"]:
        if row.get("ratio"):
            sizes = [digits(row[n]["median"] / 2**20) for n in ("minigrad", "torch")]
            lines.append([row["row"], str(row["batch"]), *sizes, Spread(**row["ratio"]).text()])
    return Table("memory", ["peak, MiB", "batch", "minigrad", "torch", "minigrad / torch"], lines)


def convolutions(content: Mapping[str, Any]) -> Table:
    """A layer for each line, a pass for each column; the fastest rounds."""
    passes = list(dict.fromkeys(row["pass"] for row in content["rows"]))
    by_row: dict[str, dict[str, str]] = {}
    for row in content["rows"]:
        times = {n: min(v) for n, v in measured(row).times.items()}
        name = f"{row['row']}, {row['threads']} thread{'s' * (row['threads'] > 1)}"
        shown = f"{digits(times['torch'] / times['minigrad'])} ({row['gflops']:.0f} GFLOP/s)"
        by_row.setdefault(name, {})[row["pass"]] = shown
    lines = [[name, *(cells.get(p, "") for p in passes)] for name, cells in by_row.items()]
    return Table("conv", ["torch / minigrad", *passes], lines)


def kernels(content: Mapping[str, Any]) -> str:
    """A table for each pass of what bounds each row and how much of that it reaches; the counts."""
    parts = []
    for name in dict.fromkeys(row["pass"] for row in content["rows"]):
        rows = [row for row in content["rows"] if row["pass"] == name]
        table = Table(name, kernel_lines.HEADER, [kernel_lines.line_of(row) for row in rows])
        parts.append(f"{name.capitalize()}:\n\n{table.compact()}")
    counts = "\n".join(f"- {name}: {value:.3g}" for name, value in content["summary"].items())
    return "\n\n".join([*parts, counts])


def op_means(content: Mapping[str, Any]) -> Table:
    """Geometric means of minigrad's time over torch's by size and pass."""
    rows = [row for row in content["rows"] if timed(row)]
    passes = list(dict.fromkeys(row["pass"] for row in rows))
    lines = []
    for size in (*sorted({row["size"] for row in rows if row["size"]}), None):
        line = ["samples as in the record" if size is None else f"{size:,} elements"]
        for side in ("minigrad", "minigrad (NumPy)"):
            for name in passes:
                chosen = [r for r in rows if (r["size"], r["pass"]) == (size, name)]
                mean = mean_speedup(chosen, side, "torch")
                count = sum({side, "torch"} <= set(r["runs"][0]) for r in chosen)
                line.append("-" if mean is None else f"{mean:.2f} ({count} rows)")
        lines.append(line)
    names = [f"{s}, {p}" for s in ("with kernels", "on NumPy alone") for p in passes]
    return Table("ops", ["", *names], lines)


def ratios(content: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Of each row with both sides: its name, minigrad's time over torch's, minigrad's seconds."""
    found = [
        (row["row"], measured(row))
        for row in content["rows"]
        if timed(row) and {"minigrad", "torch"} <= set(row["runs"][0])
    ]
    return [(name, one.ratio().median, one.of("minigrad").median) for name, one in found]
