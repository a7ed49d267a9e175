"""Watching automatic differentiation: the graph, backward step by step, and why a gradient is so.

Everything here reads what the engine records anyway; what is not used costs nothing.
"""

from __future__ import annotations

from minigrad.inspect.graph_model import Graph, GraphNode, Saved, graph
from minigrad.inspect.graph_svg import graph_svg
from minigrad.inspect.debugger_page import Page, page
from minigrad.inspect.recording import Recording, record
from minigrad.inspect.stepping import Passed, Step, steps

__all__ = [
    "Graph",
    "GraphNode",
    "Page",
    "Passed",
    "Recording",
    "Saved",
    "Step",
    "graph",
    "graph_svg",
    "page",
    "record",
    "steps",
]
