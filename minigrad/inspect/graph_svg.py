"""A picture of a recorded graph, as an SVG that any browser shows; graphviz is not needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from minigrad.inspect.drawn import shape_text, size_text
from minigrad.inspect.graph_model import Graph, GraphNode, graph
from minigrad.inspect.layered_layout import Box, Layout, layered_layout

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

_STYLE = """
  text { font: 13px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2933; }
  .head { font-size: 15px; font-weight: 600; } .small { font-size: 11px; fill: #52606d; }
  rect { stroke-width: 1.2; } .op { fill: #ffffff; stroke: #9aa5b1; }
  .parameter { fill: #e3effb; stroke: #4c78a8; } .leaf { fill: #eaf5ea; stroke: #54a24b; }
  .module { fill: #f3ecfa; stroke: #8d6fc0; } .result { fill: #fdf0e4; stroke: #e08a3c; }
  .edge { fill: none; stroke: #9aa5b1; stroke-width: 1.4; marker-end: url(#arrow); }
"""
_MARGIN, _HEADER = 24, 44
_LIMIT = 2000  # boxes; beyond it a picture helps nobody


def graph_svg(
    root: Tensor, params: Mapping[str, Tensor] | None = None, title: str | None = None
) -> str:
    """Draw the graph that was recorded for ``root``: ``graph(root, params).svg(title)``.

    Each op is a box with the shape of what it gives; each leaf that gets a gradient is a coloured
    box with, if ``params`` (say, ``dict(model.named_parameters())``) knows it, its name. Draw
    before ``backward``, which drops the graph.

    Raises: ValueError for a tensor without a graph, or with one too large to be looked at.

    >>> import minigrad as torch
    >>> from minigrad.inspect import graph_svg
    >>> w = torch.ones(3, requires_grad=True)
    >>> svg = graph_svg((w * 2).sum(), {"w": w})
    >>> [word in svg for word in ("mul", "sum", ">w<", "(3)")]
    [True, True, True, True]
    """
    return svg(graph(root, params), title)


def svg(drawn: Graph, title: str | None = None) -> str:
    """A graph as an SVG, from what was computed first at the top to the result at the bottom."""
    if len(drawn) > _LIMIT:
        raise ValueError(
            f"graph_svg: the graph has more than {_LIMIT} nodes; draw a smaller part, such as "
            "one layer or fewer time steps, or collapse its modules"
        )
    ops = sum(node.kind in ("op", "module") for node in drawn)
    head = title or f"Graph of one step: {ops} ops, {len(drawn) - ops} leaves"
    return "\n".join(_svg(layered_layout(boxes_of(drawn)), head)) + "\n"


def boxes_of(drawn: Graph) -> list[Box]:
    """A box for the result and, newest first, for each node."""
    last = len(drawn)
    result = drawn.nodes[-1]
    boxes = [Box("result", shape_text(result.shape), "result", "the tensor drawn", -1, [1])]
    for node in reversed(drawn.nodes):
        sources = [last - number for _, number in node.inputs]
        boxes.append(
            Box(node.name, shape_text(node.shape), node.kind, _note(node), node.number, sources)
        )
    return boxes


def _note(node: GraphNode) -> str:
    """What is shown where the pointer rests."""
    saved = [f"keeps {s.name} {shape_text(s.shape)}, {size_text(s.bytes)}" for s in node.saved]
    line = [] if node.line is None else [f"{node.line}: {node.line.text}"]
    value = [] if node.value is None else [str(node.value)]
    words = [f"{node.name}: {node.dtype} {shape_text(node.shape)}", node.module, *line]
    return "\n".join(filter(None, [*words, *value, *saved]))


def _svg(layout: Layout, head: str) -> Iterator[str]:
    width = max(layout.width, 9 * len(head)) + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN + _HEADER
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">'
    )
    yield f"<style>{_STYLE}</style>"
    yield (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#9aa5b1"/></marker></defs>'
    )
    yield '<rect width="100%" height="100%" fill="#ffffff"/>'
    yield f'<text class="head" x="{_MARGIN}" y="{_MARGIN + 10}">{escape(head)}</text>'
    left = (width - layout.width) / 2
    yield f'<g transform="translate({left:.1f} {_MARGIN + _HEADER})">'
    for points in layout.edges:
        yield f'<path class="edge" d="{curve(points)}"/>'
    for box in layout.boxes:
        yield from _rectangle(box)
    yield "</g></svg>"


def curve(points: list[tuple[float, float]]) -> str:
    """A smooth line that leaves and meets every point vertically."""
    (x0, y0), *rest = points
    parts = [f"M{x0:.1f} {y0:.1f}"]
    for x, y in rest:
        middle = (y0 + y) / 2
        parts.append(f"C{x0:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {y:.1f}")
        x0, y0 = x, y
    return "".join(parts)


def _rectangle(box: Box) -> Iterator[str]:
    left, top = box.x - box.width / 2, box.y - box.height / 2
    yield (
        f'<g><title>{escape(box.note)}</title><rect class="{box.kind}" x="{left:.1f}" '
        f'y="{top:.1f}" width="{box.width:.1f}" height="{box.height}" rx="6"/>'
    )
    line = box.y + (5 if not box.detail else -2)
    yield f'<text x="{box.x:.1f}" y="{line:.1f}" text-anchor="middle">{escape(box.label)}</text>'
    if box.detail:
        yield (
            f'<text class="small" x="{box.x:.1f}" y="{line + 14:.1f}" '
            f'text-anchor="middle">{escape(box.detail)}</text>'
        )
    yield "</g>"
