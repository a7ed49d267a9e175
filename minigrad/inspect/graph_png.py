"""A picture of a recorded graph as a PNG, drawn by Pillow."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from minigrad.inspect.graph_svg import boxes_of
from minigrad.inspect.layered_layout import Box, layered_layout

if TYPE_CHECKING:
    from minigrad.inspect.graph_model import Graph

__all__ = ["save_png"]

_SCALE = 2  # pixels for a unit of the layout
_MARGIN = 20
_MOST = 30_000  # pixels of a side; beyond it programs refuse to show a picture
_FILL = {"op": "#ffffff", "parameter": "#e3effb", "leaf": "#eaf5ea", "module": "#f3ecfa"}
_EDGE = {"parameter": "#4c78a8", "leaf": "#54a24b", "module": "#8d6fc0", "result": "#e08a3c"}
_LINE, _INK, _SOFT = "#9aa5b1", "#1f2933", "#52606d"


def save_png(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Draw a graph, from what was computed first at the top to the result at the bottom.

    Raises: ImportError without Pillow; ValueError for a graph that is too large for a picture.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise ImportError("Graph.png: needs Pillow: pip install minigrad[vision]") from error
    layout = layered_layout(boxes_of(graph))
    size = [round((side + 2 * _MARGIN) * _SCALE) for side in (layout.width, layout.height)]
    if max(size) > _MOST:
        raise ValueError(
            f"Graph.png: the picture would have {size[0]} x {size[1]} pixels; collapse its modules"
        )
    image = Image.new("RGB", (size[0], size[1]), "#ffffff")
    draw = ImageDraw.Draw(image)
    fonts = [ImageFont.load_default(points * _SCALE) for points in (13, 11)]
    for points in layout.edges:
        bend = [_place(x, y) for x, y in _curved(points)]
        draw.line(bend, fill=_LINE, width=_SCALE, joint="curve")
        _arrow(draw, bend[-1])
    for box in layout.boxes:
        _draw_box(draw, box, fonts)
    image.save(os.fspath(path), format="PNG")


def _place(x: float, y: float) -> tuple[float, float]:
    return (x + _MARGIN) * _SCALE, (y + _MARGIN) * _SCALE


def _curved(points: list[tuple[float, float]], parts: int = 12) -> list[tuple[float, float]]:
    """Points of the curves that leave and meet every point vertically."""
    found = [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        for k in range(1, parts + 1):
            t = k / parts
            a, b = (1 - t) ** 2 * (1 + 2 * t), t * t * (3 - 2 * t)  # x of the Bézier curve
            down = y0 * ((1 - t) ** 3 + 1.5 * t * (1 - t)) + y1 * (t**3 + 1.5 * t * (1 - t))
            found.append((a * x0 + b * x1, down))
    return found


def _arrow(draw: Any, tip: tuple[float, float]) -> None:
    x, y = tip
    half = 3 * _SCALE
    draw.polygon([(x, y), (x - half, y - 2 * half), (x + half, y - 2 * half)], fill=_LINE)


def _draw_box(draw: Any, box: Box, fonts: list[Any]) -> None:
    left, top = _place(box.x - box.width / 2, box.y - box.height / 2)
    right, bottom = _place(box.x + box.width / 2, box.y + box.height / 2)
    draw.rounded_rectangle(
        (left, top, right, bottom),
        6 * _SCALE,
        fill=_FILL.get(box.kind, "#fdf0e4"),
        outline=_EDGE.get(box.kind, _LINE),
        width=_SCALE,
    )
    x, y = _place(box.x, box.y)
    shift = 7 * _SCALE if box.detail else 0
    draw.text((x, y - shift), box.label, fill=_INK, font=fonts[0], anchor="mm")
    if box.detail:
        draw.text((x, y + shift), box.detail, fill=_SOFT, font=fonts[1], anchor="mm")
