"""The debugger as one page for a browser: forward and backward of a step, node by node."""

from __future__ import annotations

import json
import linecache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.autograd.graph import Node
from minigrad.autograd.op import arrays, pull_all
from minigrad.inspect.drawn import shape_text
from minigrad.inspect.graph_model import Graph, GraphNode, graph
from minigrad.inspect.graph_svg import boxes_of, curve
from minigrad.inspect.layered_layout import layered_layout
from minigrad.inspect.recording import Recording
from minigrad.inspect.stepping import Step, steps
from minigrad.inspect.values import Snapshot, picture, snapshot

__all__ = ["Page", "page"]

_WHOLE = 1600  # elements up to which the page holds all values, or a picture of them
_JACOBIAN = 16  # rows and columns up to which a node's local Jacobian is worked out
_AROUND = 12  # lines of the program shown before and after those that made nodes


class Page:
    """A page that needs no network and no server: one file, to be opened in any browser.

    >>> from minigrad import inspect, ones
    >>> len(inspect.page(ones(3, requires_grad=True).sum()).html) < 2_000_000
    True
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, path: str | Path) -> None:
        """Write the page to a file."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        inner = self.html.replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe srcdoc="{inner}" width="100%" height="720" style="border:0"></iframe>'


def page(
    root: Any, recording: Recording | Any = None, gradient: Any = None, title: str = "minigrad"
) -> Page:
    """Run ``root.backward(gradient)`` step by step, and show it as a page to go through.

    A slider and the arrow keys go forward and back through the forward and the backward pass; nodes
    are coloured by the size of their gradient; a click shows values, formulas, the local Jacobian
    of small nodes and the line of the program. Values of the forward pass are there if it ran in
    :func:`record`.

    Raises: what ``backward`` raises; ValueError for a tensor without a graph.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> with inspect.record() as recording:
    ...     x = torch.tensor([1., 2.], requires_grad=True)
    ...     loss = (x * x).sum()
    >>> inspect.page(loss, recording).html.startswith("<!doctype html>")
    True
    """
    shown = graph(root, recording)
    pool = _Pool()
    nodes = [_node(node, pool) for node in shown]
    backward = [
        _step(step, pool)
        for step in steps(root, gradient, recording)  # leaves .grad behind, as backward does
    ]
    facts = {
        "title": title,
        "nodes": nodes,
        "picture": _picture(shown),
        "backward": backward,
        "arrays": pool.arrays,
        "files": _files(shown),
    }
    text = json.dumps(facts, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    template = files("minigrad.inspect").joinpath("debugger_page.html").read_text(encoding="utf-8")
    return Page(template.replace("/*FACTS*/null", text))


class _Pool:
    """Arrays by number; equal ones are kept once."""

    def __init__(self) -> None:
        self.arrays: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}

    def put(self, taken: Snapshot | None) -> int | None:
        if taken is None:
            return None
        entry = {
            "shape": taken.shape,
            "dtype": taken.dtype,
            "whole": taken.whole and taken.values.size <= _WHOLE,
            "values": _values(taken.values),
            **{
                name: _number(getattr(taken, name))
                for name in ("least", "greatest", "mean", "spread", "norm")
            },
            **{name: getattr(taken, name) for name in ("size", "zeros", "nans", "infinite")},
        }
        key = json.dumps(entry)
        if key not in self._known:
            self._known[key] = len(self.arrays)
            self.arrays.append(entry)
        return self._known[key]

    def put_tensor(self, tensor: Any) -> int | None:
        if isinstance(tensor, tuple):  # of several outputs the first that has a gradient
            tensor = next(part for part in tensor if part is not None)
        return self.put(snapshot(tensor._array))


def _values(array: Any) -> Any:
    """Rows of numbers with four digits, small enough for a page."""
    if array.size > _WHOLE:
        array = picture(array)
    plane = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    return [[_number(value) for value in row] for row in plane.tolist()]


def _number(value: Any) -> Any:
    """A number as JSON has it; NaN and infinities as their names."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if np.isfinite(value) else str(value)
    return value


def _node(node: GraphNode, pool: _Pool) -> dict[str, Any]:
    line = node.line
    leaf = getattr(node.node, "variable", None)
    value = node.value if leaf is None else snapshot(leaf._array)
    return {
        "number": node.number,
        "name": node.name,
        "kind": node.kind,
        "shape": node.shape,
        "dtype": node.dtype,
        "inputs": node.inputs,
        "saved": [(s.name, shape_text(s.shape), s.bytes, s.wanted_by) for s in node.saved],
        "module": node.module,
        "file": line.file if line else None,
        "line": line.number if line else None,
        "text": line.text if line else "",
        "formulas": node.formulas,
        "value": pool.put(value),
        "jacobians": _jacobians(node, pool),
    }


def _jacobians(node: GraphNode, pool: _Pool) -> list[tuple[str, int | None]]:
    """Of each argument, d output / d argument as a matrix, for nodes with few elements."""
    op_node = node.node
    size = int(np.prod(node.shape, dtype=np.int64))
    if op_node is None or op_node.op is None or not 0 < size <= _JACOBIAN:
        return []
    if op_node.op.outputs != 1 or node.dtype not in ("float32", "float64"):
        return []
    rows = [_pulled(op_node, one) for one in np.eye(size, dtype=node.dtype)]
    found = []
    for place, (name, _) in enumerate(node.inputs):
        gradients = [row[place] for row in rows]
        if all(g is not None and g.size <= _JACOBIAN for g in gradients):
            matrix = np.stack([np.asarray(g).ravel() for g in gradients])
            found.append((name, pool.put(snapshot(matrix))))
    return found


def _pulled(node: Node, cotangent: Any) -> list[Any]:
    """The gradients of the arguments that have a node, for a cotangent."""
    with np.errstate(all="ignore"):
        found = pull_all(node, cotangent.reshape(node.shape), node.read_saved(), arrays)
    return [g for edge, g in zip(node.edges, found, strict=False) if edge is not None]


def _step(step: Step, pool: _Pool) -> dict[str, Any]:
    return {
        "node": step.node.number,
        "incoming": pool.put_tensor(step.incoming),
        "outgoing": [
            (p.argument, p.to.number, pool.put_tensor(p.gradient), p.formula) for p in step.outgoing
        ],
        "sums": [(name, pool.put_tensor(g)) for name, g in step.sums.items()],
        "bytes": step.bytes,
        "waiting": step.waiting,
    }


def _picture(shown: Graph) -> dict[str, Any]:
    """Where the boxes stand and the edges run."""
    layout = layered_layout(boxes_of(shown))
    return {
        "width": round(layout.width, 1),
        "height": round(layout.height, 1),
        "boxes": [
            {
                "label": box.label,
                "detail": box.detail,
                "kind": box.kind,
                "node": box.number,
                "x": round(box.x - box.width / 2, 1),
                "y": round(box.y - box.height / 2, 1),
                "w": round(box.width, 1),
                "h": box.height,
            }
            for box in layout.boxes
        ],
        "edges": [curve(points) for points in layout.edges],
    }


def _files(shown: Graph) -> dict[str, dict[int, str]]:
    """The lines of the program that made nodes, with some around them."""
    wanted: dict[str, set[int]] = {}
    for node in shown:
        if node.line is not None:
            near = range(max(1, node.line.number - _AROUND), node.line.number + _AROUND + 1)
            wanted.setdefault(node.line.file, set()).update(near)
    return {
        file: {
            n: line.rstrip("\n") for n in sorted(numbers) if (line := linecache.getline(file, n))
        }
        for file, numbers in wanted.items()
    }
