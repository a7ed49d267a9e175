"""Watching automatic differentiation: the graph, backward step by step, and why a gradient is so.

Everything here reads what the engine records anyway; what is not used costs nothing.
"""

from __future__ import annotations

from minigrad.inspect.debugger_page import Page, page
from minigrad.inspect.explaining import Explanation, explain
from minigrad.inspect.findings import Finding
from minigrad.inspect.graph_model import Graph, GraphNode, Saved, graph
from minigrad.inspect.graph_svg import graph_svg
from minigrad.inspect.ledger import Holding, Ledger, assert_frees_graph, memory_ledger
from minigrad.inspect.recording import Recording, record
from minigrad.inspect.stepping import Passed, Step, steps
from minigrad.inspect.three_modes import Comparison, Way, compare_modes
from minigrad.inspect.watching import Watch

__all__ = [
    "Comparison",
    "Explanation",
    "Finding",
    "Graph",
    "GraphNode",
    "Holding",
    "Ledger",
    "Page",
    "Passed",
    "Recording",
    "Saved",
    "Step",
    "Watch",
    "Way",
    "assert_frees_graph",
    "compare_modes",
    "explain",
    "graph",
    "graph_svg",
    "memory_ledger",
    "page",
    "record",
    "steps",
]
