"""What a suite found: tables for people, numbers for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 2  # raised whenever a reader of the JSON files would have to be changed


@dataclass(frozen=True)
class Table:
    """Texts in rows and columns under a title."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """The table in Markdown, aligned so that it reads well as it stands."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        padded = [
            "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
            for line in lines
        ]
        rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
        return "\n".join([f"### {self.title}", "", padded[0], rule, *padded[1:]])

    def compact(self) -> str:
        """The table in Markdown without title and padding: for pages that are rendered."""
        lines = ["| " + " | ".join(line) + " |" for line in (self.header, *self.rows)]
        return "\n".join([lines[0], "|---" * len(self.header) + "|", *lines[1:]])


@dataclass
class Result:
    """All that one run of a suite found."""

    suite: str
    tables: list[Table] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)  # the same numbers, for JSON
    summary: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    noise: dict[str, float] = field(default_factory=dict)


def as_text(result: Result, environment: Mapping[str, Any]) -> str:
    """A report to print, which is also a piece of Markdown."""
    parts = [table.text() for table in result.tables]
    if result.summary:
        parts.append("\n".join(f"- {name}: {value:.3g}" for name, value in result.summary.items()))
    parts.append("\n".join(f"- {note}" for note in result.notes))
    parts.append("; ".join(f"{name} {value}" for name, value in environment.items()))
    return "\n\n".join(parts)


def save(result: Result, environment: Mapping[str, Any], path: Path) -> None:
    """Write a result with all that is needed to judge it later."""
    write(
        {
            "schema": SCHEMA,
            "suite": result.suite,
            "environment": dict(environment),
            "noise": result.noise,
            "summary": result.summary,
            "notes": result.notes,
            "rows": result.rows,
        },
        path,
    )


def write(content: Mapping[str, Any], path: Path) -> None:
    """A result as JSON, with a line for each row: small, and readable when it changes."""
    head = json.dumps({**content, "rows": []}, indent=1)
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in content["rows"])
    path.write_text(head.removesuffix("[]\n}") + f"[\n{rows}\n]\n}}\n", encoding="utf-8")


def progress(text: str) -> None:
    """Say on a terminal what is being measured; elsewhere say nothing."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
