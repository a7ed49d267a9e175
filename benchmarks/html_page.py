"""One page with everything: tables, plots, machine and noise; no network, no scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from benchmarks import plots, scaling, tables
from benchmarks.report import Table
from benchmarks.roofline import crossings

STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --faint: #6b7280; --line: #e5e7eb;
  --ground: #ffffff; --card: #f9fafb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --faint: #9ca3af; --line: #374151;
  --ground: #111827; --card: #1f2937; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 3rem; border-top: 1px solid var(--line);
  padding-top: 1.5rem; }
nav a { margin-right: 1rem; } a { color: inherit; }
.picture { background: #ffffff; border: 1px solid var(--line); border-radius: 6px; padding: .5rem;
  overflow-x: auto; } .picture svg { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px;
  margin: 1rem 0; } caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; } th:first-child, td:first-child { text-align: left; }
.note { color: var(--faint); } .noisy { border-left: 4px solid #d9480f; padding-left: .7rem; }
dl { display: grid; grid-template-columns: max-content auto; gap: .1rem 1rem; font-size: 13px;
  background: var(--card); padding: .7rem 1rem; border-radius: 6px; } dd { margin: 0; }
"""
ROWS = 400  # of a table; a suite with more is summed up, and its file has them all


def page(contents: Sequence[Mapping[str, Any]]) -> str:
    """All results as one HTML file."""
    links = "".join(f'<a href="#{i}">{escape(c["suite"])}</a>' for i, c in enumerate(contents))
    parts = [section(content, str(number)) for number, content in enumerate(contents)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>minigrad: benchmarks</title><style>{STYLE}</style></head>\n<body>\n"
        "<h1>minigrad: benchmarks</h1>\n"
        '<p class="note">Results were compared before anything was timed; the sides took turns. '
        "Ratios are torch's time over minigrad's: above one, minigrad is faster. In brackets are "
        f"quartiles.</p>\n<nav>{links}</nav>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def section(content: Mapping[str, Any], name: str) -> str:
    """One suite."""
    parts = [f'<h2 id="{name}">{escape(content["suite"])}</h2>']
    parts += [
        f'<p class="{"noisy" if "NOISY" in text or "ON PURPOSE" in text else "note"}">'
        f"{escape(text)}</p>"
        for text in content["notes"]
    ]
    if content["summary"]:
        lines = [[text, f"{value:.3g}"] for text, value in content["summary"].items()]
        parts.append(table(Table("Summary", ["", "value"], lines)))
    for key, figure in plots.pictures(content).items():
        parts.append(f'<div class="picture">{plots.svg(figure, name + key)}</div>')
    for shown in _tables(content):
        parts.append(table(shown))
    facts = "".join(
        f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in content["environment"].items()
    )
    return "\n".join([*parts, f"<dl>{facts}</dl>"])


def _tables(content: Mapping[str, Any]) -> list[Table]:
    """What is shown of a suite as tables."""
    if content["suite"] == "memory":
        return [tables.peaks(content)]
    found = [tables.op_means(content)] if content["suite"] == "ops" else []
    if content["suite"] == "scaling":
        found = [scaling.summary(content["rows"]), crossings(content["rows"])]
    full = tables.table_of(content)
    return [*found, full] if 0 < len(full.rows) <= ROWS else found


def table(shown: Table) -> str:
    """A table in HTML."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in shown.header)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>"
        for line in shown.rows
    )
    return (
        f'<div class="wide"><table><caption>{escape(shown.title)}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )
