"""Backward, one node at a time: the debugger's view of a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from minigrad.autograd.engine import Reading, add, fit, start, visit
from minigrad.autograd.graph import AccumulateGrad, Node, Output
from minigrad.autograd.modes import MODE, NO_GRAD
from minigrad.backend.numpy_backend import quiet, unquiet
from minigrad.inspect.graph_model import Graph, GraphNode, graph, owner, saved_arrays
from minigrad.inspect.recording import Recording

__all__ = ["Passed", "Step", "steps"]


@dataclass(frozen=True)
class Passed:
    """A gradient that a node hands to the node of one of its arguments.

    >>> from minigrad import inspect, tensor
    >>> x = tensor(3., requires_grad=True)
    >>> (passed,) = next(inspect.steps(x * 2)).outgoing
    >>> passed.argument, passed.gradient, passed.formula
    ('input', tensor(2.), 'g * other')
    """

    argument: str
    to: GraphNode
    gradient: Any  # Tensor
    formula: str  # of the derivative, as the op's class has it


@dataclass(frozen=True)
class Step:
    """One node of backward: what came in, what went out, and how things stand afterwards.

    >>> from minigrad import inspect, tensor
    >>> x = tensor(3., requires_grad=True)
    >>> last = list(inspect.steps(x * 2, recording={"x": x}))[-1]
    >>> last.node.name, last.incoming, last.sums
    ('x', tensor(2.), {'x': tensor(2.)})
    """

    number: int  # from 0
    node: GraphNode
    incoming: Any  # Tensor: the cotangent, complete; a tuple where the op has several outputs
    outgoing: tuple[Passed, ...]
    sums: dict[str, Any]  # gradients so far in the leaves that have one, by name
    waiting: int  # nodes that have a cotangent and have not run
    bytes: int  # of memory that the rest of the graph and the waiting cotangents take

    def __str__(self) -> str:
        from minigrad.inspect.told import told

        return told(self)


def steps(
    root: Any,
    gradient: Any = None,
    recording: Recording | Any = None,
    *,
    retain_graph: bool = False,
) -> Iterator[Step]:
    """Run ``root.backward(gradient)`` one node at a time, and show each.

    It is the engine's own sweep in slow motion: newest node first, a cotangent is handed on when it
    is complete, saved values are dropped on the way unless ``retain_graph``, and leaves have their
    ``.grad`` at the end. ``recording`` is as for :func:`graph`.

    Raises: what ``backward`` raises; ValueError for a tensor without a graph.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> for step in inspect.steps((x * x).sum(), recording={"x": x}):
    ...     print(step.node.name, step.incoming.tolist(),
    ...           [(p.argument, p.gradient.tolist(), p.formula) for p in step.outgoing])
    sum 1.0 [('input', [1.0, 1.0], 'F.expand(spread(g, shape, dim, keepdim, F), shape)')]
    mul [1.0, 1.0] [('input', [1.0, 2.0], 'g * other'), ('other', [1.0, 2.0], 'g * input')]
    x [2.0, 4.0] []
    >>> x.grad
    tensor([2., 4.])
    """
    return _Sweep(root, gradient, graph(root, recording), retain_graph).run()


class _Sweep:
    """`engine._sweep` with a stop after each node."""

    def __init__(self, root: Any, gradient: Any, shown: Graph, retain: bool) -> None:
        self.reading = Reading(create_graph=False, retain_graph=retain)
        self.waiting = start([root], [gradient], self.reading)
        self.shown = {id(node.node): node for node in shown}
        self.names = _distinct(shown)
        self.sums: dict[str, Any] = {}

    def run(self) -> Iterator[Step]:
        heap = [-seq for seq in self.waiting]
        heapify(heap)
        number = 0
        while heap:
            node, g = self.waiting.pop(-heappop(heap))
            token, mode = quiet(), MODE.set(NO_GRAD)
            try:
                passed = self._pass_on(node, g, heap)
            finally:
                MODE.reset(mode)
                unquiet(token)
            if isinstance(node, Output):
                continue
            shown = self.shown[id(node)]
            if isinstance(node, AccumulateGrad) and node.variable is not None:
                self.sums = {**self.sums, self.names[shown.number]: node.variable.grad.clone()}
            yield Step(
                number,
                shown,
                self._tensors(g),
                tuple(passed),
                self.sums,
                len(heap),
                self._bytes(),
            )
            number += 1

    def _pass_on(self, node: Node, g: Any, heap: list[int]) -> list[Passed]:
        """Run a node, and lay what it gives beside what waits already."""
        if isinstance(node, Output):
            owned = node.edges[0]
            assert owned is not None
            if owned.seq not in self.waiting:
                self.waiting[owned.seq] = (owned, (None,) * len(owned.shape))
                heappush(heap, -owned.seq)
            parts = list(self.waiting[owned.seq][1])
            parts[node.index] = g if parts[node.index] is None else add(parts[node.index], g)
            self.waiting[owned.seq] = (owned, tuple(parts))
            return []
        passed = []
        formulas = self.shown[id(node)].formulas
        arguments = iter(self.shown[id(node)].inputs)
        for parent, gradient in visit(node, g, self.reading):
            if parent is None:
                continue
            name, _ = next(arguments)
            if gradient is None:
                continue
            if tuple(gradient.shape) != tuple(parent.shape):
                gradient = fit(gradient, parent.shape, node, self.reading.F)
            target = parent.edges[0] if isinstance(parent, Output) else parent
            shown = self.shown[id(target)]
            passed.append(
                Passed(
                    name, shown, self.reading.to_tensor(gradient).clone(), formulas.get(name, "")
                )
            )
            if parent.seq in self.waiting:
                gradient = add(self.waiting[parent.seq][1], gradient)
            else:
                heappush(heap, -parent.seq)
            self.waiting[parent.seq] = (parent, gradient)
        return passed

    def _tensors(self, g: Any) -> Any:
        if isinstance(g, tuple):
            return tuple(None if part is None else self._tensors(part) for part in g)
        return self.reading.to_tensor(g).clone()

    def _bytes(self) -> int:
        """Saved values that are left, and cotangents on their way; shared memory counts once."""
        blocks = {}
        for shown in self.shown.values():
            for array in saved_arrays(shown.node):
                blocks[id(owner(array))] = owner(array).nbytes
        for _, g in self.waiting.values():
            for part in g if isinstance(g, tuple) else (g,):
                if part is not None:
                    blocks[id(owner(part))] = owner(part).nbytes
        return sum(blocks.values())


def _distinct(shown: Graph) -> dict[int, str]:
    """A name for each leaf; those without one are told apart by their number."""
    return {n.number: n.name if n.kind == "parameter" else f"leaf {n.number}" for n in shown}
