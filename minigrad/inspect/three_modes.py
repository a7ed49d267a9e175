"""One derivative in three ways: reverse mode, forward mode with dual numbers, differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from minigrad.autograd.apply import make
from minigrad.autograd.grad import grad
from minigrad.autograd.graph import AccumulateGrad, Node
from minigrad.autograd.modes import enable_grad
from minigrad.autograd.op import pull_all, saved_as_tensors, tensors
from minigrad.autograd.taps import Heard, listen
from minigrad.inspect.graph_model import graph

__all__ = ["Comparison", "Way", "compare_modes", "dual"]


@dataclass(frozen=True)
class Way:
    """One way to the derivative.

    >>> from minigrad import inspect, ones
    >>> inspect.compare_modes(lambda x: (x * x).sum(), ones(2)).ways[0].gradient.tolist()
    [2.0, 2.0]
    """

    name: str
    gradient: Any  # a NumPy array of the argument's shape
    calls: int  # forwards and derivatives of ops that ran
    seconds: float
    error: float  # largest distance from reverse mode, relative to the largest derivative
    formula: str


@dataclass(frozen=True)
class Comparison:
    """The three ways side by side; its text is a table.

    >>> from minigrad import inspect, ones
    >>> inspect.compare_modes(lambda x: (x * x).sum(), ones(2)).value
    2.0
    """

    value: float
    ways: tuple[Way, ...]

    def __str__(self) -> str:
        rows = [("mode", "gradient", "calls of ops", "time", "error", "")]
        for way in self.ways:
            flat = [f"{g:.7g}" for g in way.gradient.ravel()[:4]]
            more = ", ..." if way.gradient.size > 4 else ""
            rows.append(
                (
                    way.name,
                    f"[{', '.join(flat)}{more}]",
                    str(way.calls),
                    f"{way.seconds * 1e3:.2f} ms",
                    f"{way.error:.1e}",
                    way.formula,
                )
            )
        widths = [max(len(row[place]) for row in rows) for place in range(6)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )


def compare_modes(f: Callable[[Any], Any], x: Any, eps: float | None = None) -> Comparison:
    """The gradient of a scalar function by reverse mode, forward mode and central differences.

    Reverse mode runs the graph once backward, whatever the size of ``x``. Forward mode carries a
    dual number through the graph, the value and its slope along one direction, and needs a pass for
    each element of ``x``; so do differences, which need no derivative and lose half the digits.

    Raises: TypeError if ``x`` is no tensor of floats; ValueError if ``f`` gives more than a number.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> x = torch.tensor([1., 2., 3.], dtype=torch.float64)
    >>> found = inspect.compare_modes(lambda x: (x * x.sin()).sum(), x)
    >>> [(way.name, way.error < 1e-9) for way in found.ways]
    [('reverse', True), ('forward', True), ('differences', True)]
    """
    if not getattr(x, "is_floating_point", lambda: False)():
        raise TypeError(f"compare_modes: expected a tensor of floats, got {type(x).__name__}")
    x = x.detach().clone()
    with enable_grad():
        value = f(x)
        if value.numel() != 1:
            raise ValueError(f"compare_modes: f returned {value.numel()} numbers, not one")
        eps = eps if eps is not None else (1e-3 if x.element_size() < 8 else 1e-6)
        reverse = _timed(lambda: _reverse(f, x))
        forward = _timed(lambda: _forward(f, x))
        differences = _timed(lambda: _differences(f, x, eps))
    exact = reverse[0]
    largest = float(np.abs(exact).max(initial=0)) or 1.0
    formulas = (
        "one sweep",
        f"{x.numel()} passes",
        f"(f(x + {eps:g}) - f(x - {eps:g})) / {2 * eps:g}",
    )
    names = ("reverse", "forward", "differences")
    ways = [
        Way(name, g, calls, seconds, float(np.abs(g - exact).max(initial=0)) / largest, formula)
        for name, (g, calls, seconds), formula in zip(
            names, (reverse, forward, differences), formulas, strict=True
        )
    ]
    return Comparison(float(value), tuple(ways))


def _timed(work: Callable[[], Any]) -> tuple[Any, int, float]:
    """A result, the calls of ops that it took, and the seconds of a run without counting."""
    heard: list[Heard] = []
    with listen(heard.append):
        result = work()
    began = perf_counter()
    work()
    return result, len(heard), perf_counter() - began


def _reverse(f: Callable[[Any], Any], x: Any) -> Any:
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    if y.grad_fn is None:
        return np.zeros_like(x.numpy())
    (g,) = grad(y.reshape(()), (leaf,), allow_unused=True, materialize_grads=True)
    return g.numpy()


def _forward(f: Callable[[Any], Any], x: Any) -> Any:
    """A pass for each element; they share one graph, for values do not change between them."""
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    slopes = np.zeros(x.numel(), x.numpy().dtype)
    for place in range(x.numel()):
        direction = np.zeros_like(slopes)
        direction[place] = 1
        tangent = dual(y, {id(leaf): make(direction.reshape(tuple(x.shape)))})
        slopes[place] = 0 if tangent is None else tangent.numpy().reshape(())
    return slopes.reshape(tuple(x.shape))


def _differences(f: Callable[[Any], Any], x: Any, eps: float) -> Any:
    slopes = np.zeros(x.numel(), np.float64)
    for place in range(x.numel()):
        ends = []
        for step in (eps, -eps):
            moved = x.numpy().copy()
            moved.reshape(-1)[place] += step
            ends.append(float(f(make(moved))))
        slopes[place] = (ends[0] - ends[1]) / (2 * eps)
    return slopes.reshape(tuple(x.shape))


def dual(y: Any, tangents: dict[int, Any]) -> Any:
    """The slope of ``y`` when leaves move along tangents (by ``id`` of the leaf); None if it is 0.

    From the oldest node to the newest, each node's slope is worked out of those of its arguments:
    what forward mode does while it computes values is done here on the recorded graph.

    >>> import minigrad as torch
    >>> x = torch.tensor(3., requires_grad=True)
    >>> dual(x * x, {id(x): torch.tensor(1.)})
    tensor(6.)
    """
    if y.grad_fn is None:
        return tangents.get(id(y))
    slopes: dict[int, Any] = {}
    for shown in graph(y):
        node = shown.node
        assert node is not None
        if isinstance(node, AccumulateGrad):
            slopes[shown.number] = tangents.get(id(node.variable))
        else:
            moving = [(edge, slopes.get(number)) for edge, (_, number) in _edges(node, shown)]
            slopes[shown.number] = _slope(node, [slope for _, slope in moving])
    return slopes[len(slopes) - 1]


def _edges(node: Node, shown: Any) -> Any:
    edges = [edge for edge in node.edges if edge is not None]
    return zip(edges, shown.inputs, strict=True)


def _slope(node: Node, arguments: list[Any]) -> Any:
    """J t: the vector-Jacobian product u J is linear in u, and its slope along t is J t."""
    if all(t is None for t in arguments):
        return None
    if node.op is None or node.op.outputs != 1:
        raise NotImplementedError(f"dual numbers through {node.name()}: it has no op of one output")
    u = make(np.zeros(tuple(node.shape), _dtype(arguments))).requires_grad_()
    pulled = pull_all(node, u, saved_as_tensors(node, make), tensors)
    wanted = [g for edge, g in zip(node.edges, pulled, strict=False) if edge is not None]
    terms = [(g, t) for g, t in zip(wanted, arguments, strict=True) if t is not None]
    outputs = [_fitted(g, t) for g, t in terms]
    (slope,) = grad(outputs, (u,), [t for _, t in terms], allow_unused=True)
    return slope


def _fitted(g: Any, t: Any) -> Any:
    """A gradient summed back to its argument's shape, where forward broadcast it."""
    return g if g.shape == t.shape else tensors.sum_to(g, tuple(t.shape))


def _dtype(arguments: list[Any]) -> Any:
    return next(t for t in arguments if t is not None).numpy().dtype
