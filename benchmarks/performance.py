"""docs/performance.md, from the results that are kept and the findings in ``findings.md``.

A line ``{{ name }}`` of the findings is replaced by what is measured: the tables here are computed
from files in ``benchmarks/results``, so no number in them is typed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.reasons import by_reason, slow
from benchmarks.report import Table
from benchmarks.results import load
from benchmarks.roofline import crossings
from benchmarks.scaling import summary
from benchmarks.tables import mean_speedup

FINDINGS = Path(__file__).parent / "findings.md"
MARK = re.compile(r"^\{\{ (\w+) \}\}$", re.MULTILINE)
Contents = Mapping[str, Mapping[str, Any]]


def kept(folder: Path) -> dict[str, dict[str, Any]]:
    """The results that are kept, by suite."""
    suites = dict.fromkeys(suite for suite, _ in PARTS.values())
    return {s: load(file) for s in suites if (file := folder / f"{s}.json").exists()}


def text(contents: Contents) -> str:
    """The page."""
    found = MARK.sub(lambda match: _part(match[1], contents), FINDINGS.read_text(encoding="utf-8"))
    first = "<!-- Written by python -m benchmarks page from benchmarks/findings.md and results. -->"
    title, rest = found.split("\n", 1)
    return f"{title}\n\n{first}\n{rest}"


def _part(name: str, contents: Contents) -> str:
    if name == "conditions":
        return "\n".join(f"- {_conditions(content)}" for content in contents.values())
    suite, make = PARTS[name]
    if suite not in contents:
        return f"(`python -m benchmarks {suite}` has no result that is kept.)"
    made = make(contents[suite])
    return made if isinstance(made, str) else made.compact()


def write_page(results: Path, docs: Path, check: bool) -> int:
    """Write the page and its pictures; or say, with exit code 1, that the page is stale."""
    contents = kept(results)
    page, made = docs / "performance.md", text(contents)
    if check:
        current = page.read_text(encoding="utf-8") == made
        if not current:
            print(f"{page} is stale: python -m benchmarks page", file=sys.stderr)
        return 0 if current else 1
    from benchmarks import plots

    page.write_text(made, encoding="utf-8")
    for content in contents.values():
        for name, figure in plots.pictures(content).items():
            picture = f"pictures/performance_{name}.png"
            if picture in made:
                plots.png(figure, docs / picture)
    print(page)
    return 0


def _conditions(content: Mapping[str, Any]) -> str:
    """When and under what load a suite was measured."""
    there, noise = content["environment"], content["noise"]
    return (
        f"{content['suite']}: commit {there['commit']}, {there['cpu']}, {there['cores']} cores, "
        f"Python {there['python']}, NumPy {there['numpy']}, torch {there['torch']}, kernels "
        f"{there['kernels']}; load {noise['load']:.1f}, other programs used "
        f"{noise['other processors']:.2f} processors, a fixed loop varied by {noise['spin']:.0%}"
    )


def _mean(content: Mapping[str, Any]) -> str:
    mean = mean_speedup(content["rows"])
    return f"Geometric mean of torch's time over minigrad's: {mean:.2f}." if mean else ""


def _timed(content: Mapping[str, Any]) -> str:
    """Every row, and the mean."""
    return f"{tables.table_of(content).compact()}\n\n{_mean(content)}"


def _ops(content: Mapping[str, Any]) -> str:
    rows = [row for row in content["rows"] if tables.timed(row) and "torch" in row["runs"][0]]
    above, long = slow(tables.ratios(content))
    means = [
        1 / (mean_speedup([r for r in rows if not name or r["pass"] == name]) or 1)
        for name in ("", "forward", "forward and backward")
    ]
    rounds = max(len(run["torch"]) for row in rows for run in row["runs"])
    return (
        f"{tables.op_means(content).compact()}\n\n"
        f"Over all {len(rows)} rows the geometric mean is {means[0]:.2f}: {means[1]:.2f} forward, "
        f"{means[2]:.2f} forward and backward; at most {rounds} rounds. "
        f"{len(above)} ops have a row above 2.0, {len(long)} one that takes 20 µs or more."
    )


def _above(content: Mapping[str, Any]) -> Table:
    lines = [list(pair) for pair in by_reason(tables.ratios(content))]
    return Table("", ["cause", "op, and its largest ratio"], lines)


def _scaling(content: Mapping[str, Any]) -> str:
    """Exponents and parts of the limit, and the crossings."""
    cross = crossings(content["rows"])
    parts = [summary(content["rows"]).compact(), f"{cross.title}:", cross.compact()]
    return "\n\n".join(parts)


def _limits(content: Mapping[str, Any]) -> Table:
    lines = [[name, f"{value:.3g}"] for name, value in content["summary"].items()]
    return Table("", ["limit of this machine", "value"], lines)


PARTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "overhead": ("overhead", tables.overhead),
    "ops": ("ops", _ops),
    "above": ("ops", _above),
    "train": ("train", _timed),
    "infer": ("infer", _timed),
    "scaling": ("scaling", _scaling),
    "memory": ("memory", tables.peaks),
    "data": ("data", _timed),
    "transforms": ("transforms", _timed),
    "conv": ("conv", tables.convolutions),
    "kernels": ("kernels", tables.kernels),
    "limits": ("limits", _limits),
}
