"""A graph as text, for graphviz and for Mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minigrad.inspect.graph_model import Graph, GraphNode

__all__ = ["dot", "mermaid", "shape_text", "size_text", "text"]


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape for people."""
    return f"({', '.join(map(str, shape))})" if shape else "scalar"


def size_text(count: int) -> str:
    """A number of bytes for people.

    >>> size_text(512), size_text(44_730_000)
    ('512 B', '42.7 MiB')
    """
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def text(graph: Graph) -> str:
    """A line for each node, oldest first: number, name, shape, arguments, what it keeps."""
    rows = [
        (
            str(node.number),
            node.name,
            shape_text(node.shape),
            "of " + ", ".join(str(number) for _, number in node.inputs) if node.inputs else "",
            _saved_text(node),
            f"{node.line.file.rpartition('/')[2]}:{node.line.number}  {node.line.text}"
            if node.line is not None and node.line.text
            else "",
        )
        for node in graph
    ]
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(6)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _saved_text(node: GraphNode) -> str:
    if not node.saved:
        return ""
    if node.kind == "module":
        return f"saved {size_text(node.bytes)}"
    return "saved " + ", ".join(f"{s.name} {size_text(s.bytes)}" for s in node.saved)


_COLORS = {"parameter": "#e3effb", "leaf": "#eaf5ea", "module": "#f3ecfa", "op": "#ffffff"}


def dot(graph: Graph) -> str:
    """The graph in the language of graphviz."""
    lines = ["digraph {", '  node [shape=box, style="rounded,filled", fontname=Helvetica]']
    for node in graph:
        label = _label(node).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        lines.append(f'  n{node.number} [label="{label}", fillcolor="{_COLORS[node.kind]}"]')
        lines += [f"  n{number} -> n{node.number}" for _, number in node.inputs]
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(graph: Graph) -> str:
    """The graph in the language of Mermaid."""
    lines = ["flowchart TD"]
    for node in graph:
        label = _label(node).replace('"', "#quot;").replace("\n", "<br/>")
        lines.append(f'  n{node.number}["{label}"]:::{node.kind}')
        lines += [f"  n{number} --> n{node.number}" for _, number in node.inputs]
    lines += [f"  classDef {kind} fill:{color}" for kind, color in _COLORS.items()]
    return "\n".join(lines) + "\n"


def _label(node: GraphNode) -> str:
    return f"{node.name}\n{shape_text(node.shape)}"
