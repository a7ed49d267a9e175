"""Results as pictures: how sides compare row by row, and how cost grows with size."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.results import label, measured, timed
from benchmarks.tables import sides_of

COLOURS = {
    "minigrad": "#0b6e4f",
    "minigrad (NumPy)": "#86c5a8",
    "minigrad CUDA": "#1d4ed8",
    "minigrad CUDA, captured": "#60a5fa",
    "torch": "#d9480f",
    "torch CUDA": "#f59f00",
    "tinygrad": "#7048e8",
    "MyGrad": "#ae3ec9",
    "autograd": "#868e96",
}
MOST = 60  # rows that can be told apart; more are drawn as one curve
STYLE = {
    "font.size": 9.0,
    "font.family": "sans-serif",
    "svg.fonttype": "none",  # text stays text: smaller, and it can be searched
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "axes.axisbelow": True,
}


def pictures(content: Mapping[str, Any]) -> dict[str, Figure]:
    """The pictures of one result by their names; none where there is nothing to draw."""
    rows = [row for row in content["rows"] if timed(row)]
    if not rows:
        return {}
    with matplotlib.rc_context(STYLE):
        if content["suite"] == "scaling":
            return {"scaling": _scaling(rows)}
        rows = [row for row in rows if {"minigrad", "torch"} <= set(measured(row).times)]
        if not rows:
            return {}
        draw = _dots if len(rows) <= MOST else _curves
        return {content["suite"]: draw(rows)}


def svg(figure: Figure, name: str) -> str:
    """A picture as a piece of a page; the name keeps its identifiers apart from others'."""
    made = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(made, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = made.getvalue()
    return text[text.index("<svg") :]


def png(figure: Figure, path: Path) -> None:
    """A picture as a file."""
    with matplotlib.rc_context(STYLE):
        figure.savefig(path, dpi=80, bbox_inches="tight", metadata={"Software": None})


def _plain(value: float, _: Any) -> str:
    return f"{value:g}"


def _factors(axis: Any) -> None:
    """Factors on a logarithmic axis, written as numbers."""
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_formatter(NullFormatter())


def _short(n: int) -> str:
    """A size in few letters: 4000000 is 4M."""
    for unit, letter in ((10**6, "M"), (10**3, "k")):
        if n >= unit and n % unit == 0:
            return f"{n // unit}{letter}"
    return str(n)


def _dots(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A point for each row, torch's time over minigrad's, with its quartiles."""
    figure = Figure(figsize=(8.0, 0.9 + 0.23 * len(rows)))
    axes = figure.subplots()
    for place, row in enumerate(reversed(rows)):
        ratio = measured(row).ratio("torch", "minigrad")
        colour = COLOURS["minigrad" if ratio.median >= 1 else "torch"]
        axes.plot([ratio.low, ratio.high], [place, place], color=colour, alpha=0.45, linewidth=3)
        axes.plot(ratio.median, place, "o", color=colour, markersize=5)
    axes.axvline(1, color="#374151", linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks([t for t in (0.1, 0.25, 0.5, 1, 2, 4, 8, 16) if _within(axes, t)])
    _factors(axes.xaxis)
    axes.set_yticks(range(len(rows)), [label(row) for row in reversed(rows)])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlabel("torch's time / minigrad's: right of 1, minigrad is faster")
    return figure


def _within(axes: Any, value: float) -> bool:
    low, high = axes.get_xlim()
    return bool(low <= value <= high)


def _curves(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """All ratios in order, a curve for each pass: how many rows are on which side of 1."""
    figure = Figure(figsize=(8.0, 3.6))
    axes = figure.subplots()
    passes = dict.fromkeys(row.get("pass", "") for row in rows)
    for name, colour in zip(passes, COLOURS.values(), strict=False):
        ratios = sorted(
            measured(r).ratio("torch", "minigrad").median for r in rows if r.get("pass", "") == name
        )
        parts = [100 * i / max(1, len(ratios) - 1) for i in range(len(ratios))]
        axes.plot(parts, ratios, label=f"{name} ({len(ratios)})", color=colour)
    axes.axhline(1, color="#374151", linewidth=1)
    axes.set_yscale("log")
    _factors(axes.yaxis)
    axes.set_xlabel("% of the rows, from the slowest to the fastest")
    axes.set_ylabel("torch's time / minigrad's")
    axes.legend(frameon=False)
    return figure


def _scaling(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A small picture for each family: time by size, and the limit of the machine."""
    names = list(dict.fromkeys(row["row"] for row in rows))
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.7 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    sides = sides_of([measured(row) for row in rows])
    for axes, name in zip(grid.flat, names, strict=False):
        family = [(row, measured(row)) for row in rows if row["row"] == name]
        for side in sides:
            points = [(r["size"], m.of(side).median * 1e3) for r, m in family if side in m.times]
            if points:
                axes.plot(*zip(*points, strict=True), "o-", color=COLOURS.get(side), label=side,
                          markersize=3, linewidth=1.4)  # fmt: skip
        limit = [
            (r["size"], r["share"]["minigrad"] * m.of("minigrad").median * 1e3)
            for r, m in family
            if "minigrad" in r["share"] and "minigrad" in m.times
        ]
        if limit:
            axes.plot(*zip(*limit, strict=True), "--", color="#9ca3af", label="limit", linewidth=1)
        axes.set_xscale("log")
        axes.set_yscale("log")
        _factors(axes.xaxis)
        _factors(axes.yaxis)
        sizes = [row["size"] for row, _ in family]
        axes.set_xticks(sizes, [_short(n) for n in sizes], fontsize=8)
        axes.set_title(name, fontsize=9)
        axes.set_ylabel("ms")
    for axes in grid.flat[len(names) :]:
        axes.axis("off")
    handles: dict[str, Any] = {}
    for axes in grid.flat[: len(names)]:
        lines_, texts = axes.get_legend_handles_labels()
        handles |= dict(zip(texts, lines_, strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6,
                  frameon=False)  # fmt: skip
    return figure
