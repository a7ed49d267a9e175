"""A picture of a recorded graph, as an SVG that any browser shows; graphviz is not needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from minigrad.inspect.layered_layout import Box, Layout, layered_layout

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

_STYLE = """
  text { font: 13px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2933; }
  .head { font-size: 15px; font-weight: 600; } .small { font-size: 11px; fill: #52606d; }
  rect { stroke-width: 1.2; } .op { fill: #ffffff; stroke: #9aa5b1; }
  .parameter { fill: #e3effb; stroke: #4c78a8; } .leaf { fill: #eaf5ea; stroke: #54a24b; }
  .result { fill: #fdf0e4; stroke: #e08a3c; }
  .edge { fill: none; stroke: #9aa5b1; stroke-width: 1.4; marker-end: url(#arrow); }
"""
_MARGIN, _HEADER = 24, 44
_LIMIT = 2000  # boxes; beyond it a picture helps nobody


def graph_svg(
    root: Tensor, params: Mapping[str, Tensor] | None = None, title: str | None = None
) -> str:
    """Draw the graph that was recorded for ``root``: what was computed, from top to bottom.

    Each op is a box; each leaf that gets a gradient is a coloured box with its shape and, if
    ``params`` (say, ``dict(model.named_parameters())``) knows it, its name. Draw before
    ``backward``, which drops the graph.

    Raises: ValueError for a tensor without a graph, or with one too large to be looked at.

    >>> import minigrad as torch
    >>> from minigrad.inspect import graph_svg
    >>> w = torch.ones(3, requires_grad=True)
    >>> svg = graph_svg((w * 2).sum(), {"w": w})
    >>> [word in svg for word in ("Mul", "Sum", ">w<", "(3)")]
    [True, True, True, True]
    """
    if root.grad_fn is None:
        raise ValueError("graph_svg: expected a tensor with a graph, got one without grad_fn")
    boxes = _boxes(root, {id(tensor): name for name, tensor in (params or {}).items()})
    layout = layered_layout(boxes)
    count = sum(box.kind == "op" for box in boxes)
    head = title or f"Graph of one step: {count} ops, {len(boxes) - count - 1} leaves"
    return "\n".join(_svg(layout, head)) + "\n"


def _boxes(root: Tensor, names: dict[int, str]) -> list[Box]:
    """A box for the result and each node behind it; ``sources`` are indices into the list."""
    result = Box("result", _shape(root), kind="result", sources=[1], note="the tensor drawn")
    boxes = [result]
    nodes: list[Any] = [root.grad_fn]
    index = {id(root.grad_fn): 1}
    for node in nodes:  # grows while it is walked: breadth first, no recursion
        box = _box(node, names)
        for source, _ in node.next_functions:
            if source is None:
                continue
            if id(source) not in index:
                index[id(source)] = len(nodes) + 1
                nodes.append(source)
            box.sources.append(index[id(source)])
        boxes.append(box)
        if len(nodes) > _LIMIT:
            raise ValueError(
                f"graph_svg: the graph has more than {_LIMIT} nodes; draw a smaller part, such as "
                "one layer or fewer time steps"
            )
    return boxes


def _box(node: Any, names: dict[int, str]) -> Box:
    leaf = getattr(node, "variable", None)
    if leaf is not None:
        name = names.get(id(leaf))
        return Box(name or "leaf", _shape(leaf), "parameter" if name else "leaf", note="a leaf")
    name = node.name() if callable(node.name) else node.name
    return Box(name.removesuffix("0").removesuffix("Backward"), kind="op", note=name)


def _shape(tensor: Any) -> str:
    return f"({', '.join(map(str, tensor.shape))})" if tensor.dim() else "scalar"


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
        yield f'<path class="edge" d="{_curve(points)}"/>'
    for box in layout.boxes:
        yield from _rectangle(box)
    yield "</g></svg>"


def _curve(points: list[tuple[float, float]]) -> str:
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
