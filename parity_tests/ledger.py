"""The difference ledger: how far each op and layer lies from exact, on each side, in ulps.

``python -m parity_tests.ledger`` measures all, and writes ``ledger.json`` and the page
``docs/ledger.md``; ``--check`` measures a part again and says who has drifted: minigrad, torch, or
the two from each other where nothing more exact judges. The tolerances of the parity tests are
read from the file (``tolerances.py``), so a wider one needs a measurement. Other processors round
otherwise: ``--also`` measures on one more, or as one (with ``MINIGRAD_CPU=avx2`` and
``ATEN_CPU_CAPABILITY=avx2``), and keeps what is farther.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parent / "ledger.json"
PAGE = Path(__file__).parents[1] / "docs" / "ledger.md"
FORMAT = "minigrad difference ledger 1"
SIDES = ("minigrad cpu", "minigrad cuda", "torch cpu", "torch cuda", "apart")
MEASURED = {"minigrad cpu": "minigrad", "torch cpu": "torch", "apart": "apart"}
FACTOR, SLACK = 2.0, 2.0  # a side has drifted that is farther than FACTOR times its entry + SLACK
SHOWN = 8.0  # ulps from which a row stands in the page's list of the farthest
Cell = list[Any]
Rows = dict[str, dict[str, dict[str, Cell]]]  # by name, dtype and part; a cell is by SIDES


def names() -> list[str]:
    """The rows that there are: ops, then layers, whose names begin with capital letters."""
    from parity_tests import ledger_rows as rows

    return [*rows.op_names(), *rows.layer_names()]


def measured(chosen: Iterable[str], part: bool = False) -> Iterator[tuple[str, Any]]:
    """Rows, measured now; ``part``: on a part of their calls."""
    from parity_tests import ledger_rows as rows

    for name in chosen:
        if name[0].isupper():
            yield name, rows.layer_row(name, 1 if part else rows.LAYER_CASES)
        else:
            yield name, rows.op_row(name, rows.LAYOUTS[: 1 if part else None])


def entry(row: Any) -> dict[str, dict[str, Cell]]:
    """A row as it stands in the file."""
    found: dict[str, dict[str, Cell]] = {}
    for (kind, part), distances in row.found.items():
        known = {side: getattr(distances, name) for side, name in MEASURED.items()}
        if any(value is not None for value in known.values()):
            cell = [_short(known.get(side)) for side in SIDES]
            found.setdefault(kind, {})[part] = cell
    return found


def farther(row: dict[str, dict[str, Cell]], other: dict[str, dict[str, Cell]]) -> Any:
    """Two measurements of a row as one: the greater distance of each side."""
    found: dict[str, dict[str, Cell]] = {}
    for kind, parts in row.items():
        for part, cell in parts.items():
            known = other.get(kind, {}).get(part, [None] * len(cell))
            found.setdefault(kind, {})[part] = [
                max((v for v in pair if v is not None), key=float, default=None)
                for pair in zip(cell, known, strict=True)
            ]
    return found


def _short(value: float | None) -> Any:
    """Three digits; infinity as text, which JSON does not have."""
    if value is None:
        return None
    return float(f"{value:.3g}") if np.isfinite(value) else "inf"


def made_with() -> dict[str, str]:
    """Versions and the processor."""
    import torch

    import minigrad
    from minigrad.backend import native

    capability = torch.backends.cpu.get_cpu_capability
    return {
        "minigrad": minigrad.__version__,
        "numpy": np.__version__,
        "torch": torch.__version__.partition("+")[0],
        "python": platform.python_version(),
        "processor": f"{_processor()} (torch {capability()}, kernels {native.level()})",
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def read() -> dict[str, Any]:
    """The file."""
    held: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    if held.get("format") != FORMAT:
        raise ValueError(f"{FILE.name}: expected {FORMAT!r}, got {held.get('format')!r}")
    return held


def written(held: dict[str, Any]) -> str:
    """The text of the file: a line for each row."""
    rows = [f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in held["rows"].items()]
    head = {key: value for key, value in held.items() if key != "rows"}
    text = json.dumps(head, indent=1)[:-2]
    return text + ',\n "rows": {\n' + ",\n".join(rows) + "\n }\n}\n"


# --- the check ----------------------------------------------------------------------------------


def drifts(name: str, then: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """What is farther than the file says: a line for each dtype, part and side."""
    for kind, parts in now.items():
        for part, cell in parts.items():
            old = then.get(kind, {}).get(part)
            if old is None:
                yield f"{name} {kind} {part}: is not in the ledger; write it anew"
                continue
            moved = [
                side
                for side, before, after in zip(SIDES, old, cell, strict=True)
                if after is not None and not _within(before, after)
            ]
            # Two sides are apart because one of them has moved: that one is named, if it is known.
            for side in [s for s in moved if s != "apart"] or moved:
                before, after = old[SIDES.index(side)], cell[SIDES.index(side)]
                who = "the two, and nothing judges which," if side == "apart" else side
                yield f"{name} {kind} {part}: {who} drifted from {before} to {after} ulps"


def _within(before: Any, after: Any) -> bool:
    return before is not None and float(after) <= FACTOR * float(before) + SLACK


def check(chosen: Iterable[str] | None = None) -> list[str]:
    """Measure a part of the calls of some rows again (of all); what has drifted."""
    held = read()
    rows: Rows = held["rows"]
    found: list[str] = []
    for name, row in measured(names() if chosen is None else chosen, part=True):
        found += drifts(name, rows.get(name, {}), entry(row))
    now, then = made_with(), held["made with"]
    other = [f"{k} {v} (then {then.get(k)})" for k, v in now.items() if then.get(k) != v]
    if found and other:
        found.append("other than when the ledger was written: " + ", ".join(other))
    return found


def stale() -> list[str]:
    """What the file or the page says of things that are not so any more."""
    held = read()
    gone = set(held["rows"]) - set(names())
    found = [
        f"{name}: there is no such op or layer; write the ledger anew" for name in sorted(gone)
    ]
    if PAGE.read_text(encoding="utf-8") != page(held):
        found.append(f"{PAGE.name} is not what the ledger says; write it anew")
    return found


# --- the page -----------------------------------------------------------------------------------

INTRODUCTION = """# The difference ledger

How far each op and layer lies from what more exact arithmetic gives, in units in the last place
(ulps) of its type. Written by `python -m parity_tests.ledger`; `--check` measures a part again and
names the side that has drifted. The tolerances of the parity tests are read from it.

- *Judge*: for float32 the same call of torch (of minigrad where torch has none) in float64, on the
  same numbers; for float64 the op's own function on NumPy's longer numbers, for ops that are a
  function of NumPy. Without a judge only the distance of the two libraries is known (*apart*).
- *Unit*: of the exact value itself for elementwise functions; else of the greatest value of the
  result, and for gradients (first and second) of the greatest of them all, since where terms
  cancel a value can be as small as one likes.
- *Calls*: those of the parity tests, with their seeds; for layers those of torch's own database.
  The worst counts.
- *CUDA*: not measured yet on either side (no card was at hand).
"""


def page(held: dict[str, Any]) -> str:
    """The page."""
    rows: Rows = held["rows"]
    made = ", ".join(f"{name} {value}" for name, value in held["made with"].items())
    lines = [INTRODUCTION, f"Measured with {made}.", "", "## In short", ""]
    lines += ["| | side | rows | median | 9 of 10 within | worst |", "|---|---|--:|--:|--:|---|"]
    for kind in ("float32", "float64"):
        for part in ("forward", "gradient"):
            for side in MEASURED:
                values = sorted(_column(rows, kind, part, side))
                if values:
                    lines.append(_summary(f"{kind} {part}", side, values))
    lines += ["", f"## Farther than {SHOWN:g} ulps, on either side", "", *_table(_far(rows))]
    lines += ["", "## All", "", *_table(rows)]
    return "\n".join(lines) + "\n"


def _column(rows: Rows, kind: str, part: str, side: str) -> Iterator[tuple[float, str]]:
    for name, row in rows.items():
        value = row.get(kind, {}).get(part, [None] * len(SIDES))[SIDES.index(side)]
        if value is not None:
            yield float(value), name


def _summary(what: str, side: str, values: list[tuple[float, str]]) -> str:
    numbers = [value for value, _ in values]
    tenth = numbers[int(0.9 * (len(numbers) - 1))]
    middle, (worst, name) = statistics.median(numbers), values[-1]
    return (
        f"| {what} | {side} | {len(numbers)} | {middle:.2g} | {tenth:.2g} | {worst:.3g} ({name}) |"
    )


def _far(rows: Rows) -> Rows:
    """The rows of which a cell is far off."""
    found: Rows = {}
    for name, row in rows.items():
        for kind, parts in row.items():
            for part, cell in parts.items():
                if any(value is not None and float(value) > SHOWN for value in cell):
                    found.setdefault(name, {}).setdefault(kind, {})[part] = cell
    return found


def _table(rows: Rows) -> list[str]:
    sides = [side for side in SIDES if side in MEASURED]
    lines = ["| op or layer | | " + " | ".join(sides) + " |", "|---|---|" + "--:|" * len(sides)]
    for name, row in rows.items():
        for kind, parts in row.items():
            for part, cell in parts.items():
                shown = (cell[SIDES.index(side)] for side in sides)
                texts = ("" if value is None else f"{float(value):.3g}" for value in shown)
                lines.append(f"| `{name}` | {kind} {part} | " + " | ".join(texts) + " |")
    return lines


def main(arguments: Iterable[str]) -> int:
    """Write the file and the page, or check them."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.ledger", description=__doc__)
    parser.add_argument("--check", action="store_true", help="measure a part again, and compare")
    parser.add_argument("--also", action="store_true", help="keep what is farther in the file")
    chosen = parser.parse_args(list(arguments))
    if chosen.check:
        problems = [*check(), *stale()]
        print("\n".join(problems) or "nothing has drifted")
        return 1 if problems else 0
    rows = {name: found for name, row in measured(names()) if (found := entry(row))}
    made = made_with()
    if chosen.also:
        old = read()
        rows = {name: farther(row, old["rows"].get(name, {})) for name, row in rows.items()}
        known = [*old["made with"]["processor"].split("; "), made["processor"]]
        made["processor"] = "; ".join(dict.fromkeys(known))
    held = {"format": FORMAT, "made with": made, "sides": list(SIDES), "rows": rows}
    FILE.write_text(written(held), encoding="utf-8")
    PAGE.write_text(page(held), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
