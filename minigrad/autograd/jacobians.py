"""A function at a point, and its Jacobians there: by backward, by tangents, and by differences.

A Jacobian has a row for each element of an input and a column for each element of an output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.apply import edge_of
from minigrad.autograd.functional import jvp
from minigrad.autograd.grad import grad
from minigrad.autograd.graph import Node, Output
from minigrad.autograd.levels import zeros_like
from minigrad.autograd.tensor_base import TensorBase

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Several as they are, one alone."""
    if isinstance(value, tuple):
        return value
    return tuple(value) if isinstance(value, list) else (value,)


def differentiable(outputs: Any) -> list[Any]:
    """The tensors of a result that have a gradient."""
    return [o for o in as_tuple(outputs) if isinstance(o, TensorBase) and edge_of(o) is not None]


class Point:
    """A function at its inputs; ``wanted`` are those that have gradients, at ``places``."""

    def __init__(self, func: Function, inputs: Sequence[Any], places: Sequence[int]) -> None:
        self.func, self.inputs, self.places = func, tuple(inputs), tuple(places)
        self.wanted = [inputs[i] for i in places]
        self.outputs = differentiable(func(*inputs))

    def values(self) -> list[Array]:
        """The outputs that have gradients (all, if none has), as flat copies."""
        if isinstance(self.func, Gradients) and self.outputs:
            return self.func.values(*self.inputs)
        result = self.func(*self.inputs)
        found = differentiable(result) if self.outputs else as_tuple(result)
        return [o._array.reshape(-1).astype(np.float64) for o in found if hasattr(o, "_array")]

    def moved(self, tensor: Any, place: tuple[int, ...], step: float) -> list[Array]:
        """The values with one element of an input moved by a step."""
        array = tensor._array
        old = array[place].copy()
        array[place] = old + step
        try:
            return self.values()
        finally:
            array[place] = old

    def numerical(self, tensor: Any, step: float) -> list[Array]:
        """The Jacobians of all outputs by one input, by central differences."""
        rows = []
        for place in np.ndindex(tensor._array.shape):
            low, high = self.moved(tensor, place, -step), self.moved(tensor, place, step)
            rows.append([(b - a) / (2 * step) for a, b in zip(low, high, strict=True)])
        if not rows:
            return [np.zeros((0, o._array.size)) for o in self.outputs]
        return [np.stack(column) for column in zip(*rows, strict=True)]

    def along(self, tensor: Any, direction: Array, step: float) -> list[Array]:
        """The slopes of all outputs when one input moves along a direction."""
        array = tensor._array
        old = array.copy()
        try:
            array[...] = old - step * direction
            low = self.values()
            array[...] = old + step * direction
            high = self.values()
        finally:
            array[...] = old
        return [(b - a) / (2 * step) for a, b in zip(low, high, strict=True)]

    def analytical(self, output: Any, seen: Callable[[Any, Any], None] | None = None) -> list[Any]:
        """The Jacobians of one output by all inputs, by one backward sweep for each element.

        ``seen`` is shown each gradient that arrives, with its input.
        """
        found = [np.zeros((t._array.size, output._array.size)) for t in self.wanted]
        weight = zeros_like(output.detach())
        flat = weight._array.reshape(-1)
        for column in range(flat.size):
            flat[...] = 0
            flat[column] = 1
            for matrix, g, t in zip(
                found, self.pull([output], [weight.clone()]), self.wanted, strict=True
            ):
                if g is None:
                    continue
                if seen is not None:
                    seen(g, t)
                matrix[:, column] = g._array.reshape(-1)
        return found

    def pull(self, outputs: Sequence[Any], weights: Sequence[Any]) -> Sequence[Any]:
        """The gradients of weighted outputs, None where nothing arrives; the graph is kept."""
        found: Sequence[Any] = grad(
            outputs, self.wanted, weights, retain_graph=True, allow_unused=True
        )
        return found

    def tangential(self) -> list[list[Array]]:
        """The Jacobians, by output and input, by products with tangents."""
        found: list[list[Array]] = [
            [np.zeros((t._array.size, o._array.size)) for t in self.wanted] for o in self.outputs
        ]
        for index, tensor in enumerate(self.wanted):
            for row in range(tensor._array.size):
                tangents = [zeros_like(t.detach()) for t in self.wanted]
                tangents[index]._array.reshape(-1)[row] = 1
                _, products = jvp(self.of_wanted, tuple(self.wanted), tuple(tangents))
                for per_output, product in zip(found, products, strict=True):
                    per_output[index][row] = product._array.reshape(-1)
        return found

    def of_wanted(self, *values: Any) -> tuple[Any, ...]:
        """The function of those inputs alone that want a gradient."""
        whole = list(self.inputs)
        for place, value in zip(self.places, values, strict=True):
            whole[place] = value
        return tuple(differentiable(self.func(*whole)))

    def elsewhere(self, rng: np.random.Generator) -> Point:
        """The same function, its inputs a little nearer to zero."""
        whole = list(self.inputs)
        for place, tensor in zip(self.places, self.wanted, strict=True):
            other = tensor.detach().clone()
            other._array[...] *= rng.uniform(0.75, 1.0, other._array.shape)
            whole[place] = other.requires_grad_()
        return Point(self.func, whole, self.places)

    def in_float64(self) -> Point:
        """The same function of inputs in float64, itself if they are, or if it takes no others."""
        if all(t._array.dtype == np.float64 for t in self.wanted):
            return self
        whole = list(self.inputs)
        for place, tensor in zip(self.places, self.wanted, strict=True):
            whole[place] = tensor.detach().double().requires_grad_()
        try:
            return Point(self.func, whole, self.places)
        except (RuntimeError, TypeError):  # it has tensors of its own, of another type
            return self


class Gradients:
    """The gradients of a function, as a function of its inputs and of weights for its outputs."""

    def __init__(self, func: Function, wanted: Sequence[int], count: int) -> None:
        self.func, self.wanted, self.count = func, wanted, count
        self.recorded: list[int] = []  # which gradients of the last call have gradients

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        """The gradients by the wanted inputs, recorded, without those that are None."""
        found = self._of(args, True)
        self.recorded = [i for i, g in enumerate(found) if g is not None and edge_of(g) is not None]
        return tuple(g for g in found if g is not None)

    def values(self, *args: Any) -> list[Array]:
        """The gradients that the last call recorded, elsewhere, as flat copies.

        Not recorded: as programs have them, and in less time.
        """
        found = self._of(args, False)
        sizes = [args[i]._array.size for i in self.wanted]
        return [
            np.zeros(sizes[i]) if (g := found[i]) is None else g._array.reshape(-1).astype(float)
            for i in self.recorded
        ]

    def _of(self, args: tuple[Any, ...], record: bool) -> Sequence[Any]:
        outputs = differentiable(self.func(*args[: len(args) - self.count]))
        sources = [args[i] for i in self.wanted]
        weights = args[len(args) - self.count :]
        found: Sequence[Any] = grad(
            outputs, sources, weights, create_graph=record, allow_unused=True
        )
        return found


def arrivals(output: Any, leaf: Any, weight: Any) -> tuple[int, Array]:
    """How many edges of a graph lead to a leaf, and the sum of what comes along them."""
    target, total, edges = edge_of(leaf), np.zeros(leaf._array.size), 0
    handles = []
    for node in _reached(edge_of(output)):
        places = [i for i, edge in enumerate(node.edges) if edge is target]
        edges += len(places)
        if places:

            def note(gradients: Any, _: Any, places: list[int] = places) -> None:
                nonlocal total
                for i in places:
                    if i < len(gradients) and gradients[i] is not None:
                        total = total + _fitted(gradients[i]._array, leaf._array.shape)

            handles.append(node.register_hook(note))
    try:
        grad([output], [leaf], [weight], retain_graph=True, allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    return edges, total


def _fitted(array: Array, shape: tuple[int, ...]) -> Array:
    """A gradient summed back to the shape of its input, flat."""
    whole = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    lead = tuple(range(whole.ndim - len(shape)))
    whole = whole.sum(lead)
    ones = tuple(i for i, n in enumerate(shape) if n == 1 and whole.shape[i] != 1)
    return np.asarray(whole.sum(ones, keepdims=True)).reshape(-1)


def _reached(root: Node | None) -> list[Node]:
    """All nodes of a graph."""
    seen: dict[int, Node] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen[id(node)] = node
        stack.extend(getattr(node, "edges", ()) or ())
    return [node for node in seen.values() if not isinstance(node, Output)]


__all__ = ["Gradients", "Point", "arrivals", "as_tuple", "differentiable"]
