"""Looking into a recorded graph."""

from __future__ import annotations

from minigrad.inspect.graph_svg import graph_svg

__all__ = ["graph_svg"]
