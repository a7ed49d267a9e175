"""A profile as one page for a browser."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

from minigrad.profiler.spans import Span

__all__ = ["page"]


def page(spans: Sequence[Span], table: str) -> str:
    """A timeline that zooms and pans, and the table; no network and no server is needed.

    >>> page([Span("mul", "forward", 0, 1000, 1)], "a table").startswith("<!doctype html>")
    True
    """
    start = min((span.began for span in spans), default=0)
    threads = sorted({span.thread for span in spans})
    rows = [
        [
            span.name,
            span.kind,
            (span.began - start) / 1e3,
            span.nanoseconds / 1e3,
            threads.index(span.thread),
            [list(shape) for shape in span.shapes],
            span.bytes,
            span.flops,
        ]
        for span in spans
    ]
    facts = json.dumps({"spans": rows, "table": table}, separators=(",", ":"))
    template = files("minigrad.profiler").joinpath("profile.html").read_text(encoding="utf-8")
    return template.replace("/*FACTS*/null", facts.replace("</", "<\\/"))
