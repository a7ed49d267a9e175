"""Files of results: read, checked, and joined where a suite was run several times."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import SCHEMA
from benchmarks.timing import Measurement

# What says which row a row is; whatever else stands in it was found.
KEY = ("row", "call", "pass", "layout", "size", "batch", "threads")
NEEDED = ("suite", "environment", "noise", "summary", "notes", "rows")


class BadResult(ValueError):
    """A file that holds no results, or those of another schema."""


def load(path: Path) -> dict[str, Any]:
    """A file of results; BadResult says what is wrong with it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadResult(f"{path}: {error}") from error
    if not isinstance(content, dict) or "schema" not in content:
        raise BadResult(f"{path}: no results of python -m benchmarks")
    if content["schema"] != SCHEMA:
        raise BadResult(f"{path}: of schema {content['schema']}, expected {SCHEMA}; measure anew")
    lacking = [name for name in NEEDED if name not in content]
    if lacking:
        raise BadResult(f"{path}: without {', '.join(lacking)}")
    return content


def key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Which row it is."""
    return tuple(f"{name}={row[name]}" for name in KEY if row.get(name) is not None)


def label(row: Mapping[str, Any]) -> str:
    """A row's name for people."""
    first = row.get("call") or row["row"]
    rest = [str(row[name]) for name in ("pass", "layout") if row.get(name)]
    if not row.get("call") and row.get("size") is not None:
        rest.append(f"n = {row['size']:,}")
    rest += [f"{name} {row[name]}" for name in ("batch", "threads") if row.get(name)]
    first = " x ".join(map(str, first)) if isinstance(first, list) else first
    return ", ".join([str(first), *rest])


def timed(row: Mapping[str, Any]) -> bool:
    """Whether a row has times."""
    return bool(row.get("runs")) and all(row["runs"][0].values())


def measured(row: Mapping[str, Any]) -> Measurement:
    """All rounds of all runs."""
    sides = set.intersection(*(set(run) for run in row["runs"]))
    return Measurement({s: [t for run in row["runs"] for t in run[s]] for s in sides})


def joined(contents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several runs of one suite as one result: each row has the runs of all."""
    first = contents[0]
    found = [{key(row): row for row in content["rows"]} for content in contents]
    rows = []
    for name, row in found[0].items():
        same = [other[name] for other in found if name in other]
        if not timed(row) or len(same) < len(found):
            rows.append(row)
            continue
        runs = [run for one in same for run in one["runs"]]
        both = {**row, "runs": runs}
        rows.append({**both, **{k: v for k, v in measured(both).data().items() if k != "runs"}})
    numbers = [content["noise"] for content in contents]
    return {
        **first,
        "rows": rows,
        "noise": {k: max(one[k] for one in numbers) for k in numbers[0]},
        "notes": [*first["notes"], f"{len(contents)} runs in fresh processes"],
    }


def slim(content: Mapping[str, Any]) -> dict[str, Any]:
    """Without what follows from the times: what is kept in the repository."""
    derived = {"seconds", "ratio", "rounds"}
    rows = [
        {k: v for k, v in row.items() if not timed(row) or k not in derived}
        for row in content["rows"]
    ]
    return {**content, "rows": rows}
