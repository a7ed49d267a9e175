"""A recorded graph as people see it: nodes with names, sizes, what they keep and who made them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from minigrad.autograd.graph import FREED, AccumulateGrad, Node, Output
from minigrad.autograd.parcels import Parcel
from minigrad.inspect.calls import ModuleCall
from minigrad.inspect.recording import Recording
from minigrad.inspect.source import Line, formulas, line_of
from minigrad.inspect.values import Snapshot

__all__ = ["Graph", "GraphNode", "Saved", "graph"]


@dataclass(frozen=True)
class Saved:
    """A value that a node keeps for backward.

    >>> from minigrad import inspect, ones
    >>> y = ones(3, requires_grad=True) * ones(3)
    >>> inspect.graph(y).nodes[-1].saved
    (Saved(name='other', shape=(3,), bytes=12, wanted_by=('input',)),)
    """

    name: str  # of the argument, "out", or what the op calls it
    shape: tuple[int, ...]
    bytes: int
    wanted_by: tuple[str, ...]  # arguments whose gradients ask for it


@dataclass
class GraphNode:
    """An op that was recorded, or a leaf; after collapsing also a whole module.

    >>> from minigrad import inspect, ones
    >>> node = inspect.graph(ones(3, requires_grad=True).exp()).nodes[-1]
    >>> node.name, node.shape, node.inputs, node.line.text
    ('exp', (3,), [('input', 0)], 'ones(3, requires_grad=True).exp()')
    """

    number: int  # in the order of birth
    name: str  # mul; of a leaf its name in the model; of a module its path
    kind: str  # "op", "parameter", "leaf" or "module"
    shape: tuple[int, ...]
    dtype: str  # "" if nothing tells it
    inputs: list[tuple[str, int]] = field(default_factory=list)  # argument, number of a node
    saved: tuple[Saved, ...] = ()
    line: Line | None = None  # of the user's program
    call: ModuleCall | None = None  # of a module, in which it was born
    module: str = ""  # the path of that module, as far as it is known
    value: Snapshot | None = None
    node: Node | None = None

    @property
    def bytes(self) -> int:
        """What it keeps for backward, in bytes."""
        return sum(saved.bytes for saved in self.saved)

    @property
    def formulas(self) -> dict[str, str]:
        """Its derivatives as the op's class has them, by argument."""
        return formulas(self.node.op) if self.node is not None else {}


@dataclass
class Graph:
    """Nodes in the order of birth; the last is that of the tensor that was asked for.

    >>> from minigrad import inspect, ones
    >>> graph = inspect.graph(ones(3, requires_grad=True).exp())
    >>> len(graph), graph.bytes, graph.mermaid().splitlines()[0]
    (2, 12, 'flowchart TD')
    """

    nodes: list[GraphNode]

    def __iter__(self) -> Iterator[GraphNode]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def bytes(self) -> int:
        """What the graph keeps for backward, each memory counted once."""
        seen: set[int] = set()
        total = 0
        for node in self.nodes:
            for array in saved_arrays(node.node):
                block = owner(array)
                if id(block) not in seen:
                    seen.add(id(block))
                    total += block.nbytes
        return total

    def __str__(self) -> str:
        from minigrad.inspect.drawn import text

        return text(self)

    def dot(self) -> str:
        """The graph in the language of graphviz."""
        from minigrad.inspect.drawn import dot

        return dot(self)

    def mermaid(self) -> str:
        """The graph in the language of Mermaid, which many pages of notes draw."""
        from minigrad.inspect.drawn import mermaid

        return mermaid(self)

    def svg(self, title: str | None = None) -> str:
        """A picture that any browser shows."""
        from minigrad.inspect.graph_svg import svg

        return svg(self, title)

    def png(self, path: str | os.PathLike[str]) -> None:
        """Write a picture to a file, drawn by Pillow."""
        from minigrad.inspect.graph_png import save_png

        save_png(self, path)

    def _repr_html_(self) -> str:
        return self.svg()

    def collapsed(self, depth: int = 1, expand: tuple[str, ...] = ()) -> Graph:
        """The same graph with the modules at that depth as single nodes, but for some paths.

        Modules are known where the forward ran in ``record(model)``.
        """
        from minigrad.inspect.collapsing import collapsed

        return collapsed(self, depth, expand)


def graph(root: Any, recording: Recording | Any = None) -> Graph:
    """The graph that was recorded for a tensor: look at it before ``backward`` drops it.

    ``recording`` is what :func:`record` made, or just the model, for the names of its parameters;
    or a mapping of names to tensors.

    Raises: ValueError for a tensor without a graph.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> w = torch.ones(3, requires_grad=True)
    >>> for node in inspect.graph((w * 2).sum(), {"w": w}):
    ...     print(node.number, node.name, node.kind, node.shape, node.inputs)
    0 w parameter (3,) []
    1 mul op (3,) [('input', 0)]
    2 sum op () [('input', 1)]
    """
    if getattr(root, "grad_fn", None) is None:
        raise ValueError("graph: expected a tensor with a graph, got one without grad_fn")
    known = recording if isinstance(recording, Recording) else Recording()
    names = _names(known.names if known is recording else recording)
    found = sorted(reached([root]), key=lambda node: node.seq)
    numbers = {id(node): number for number, node in enumerate(found)}
    nodes: list[GraphNode] = []
    for number, node in enumerate(found):
        made = _leaf(number, node, names) if isinstance(node, AccumulateGrad) else None
        if made is None:
            made = _op(number, node, numbers, known)
            made.dtype = made.dtype or _dtype_of(made, nodes)
            made.module = made.call.path if made.call is not None else _owner(made, nodes)
        nodes.append(made)
    return Graph(nodes)


def _names(source: Any) -> dict[int, str]:
    """The names of tensors, by identity."""
    if source is None:
        return {}
    pairs = source.items() if isinstance(source, Mapping) else source.named_parameters()
    return {id(tensor): name for name, tensor in pairs}


def reached(tensors: Iterable[Any]) -> list[Node]:
    """All nodes behind some tensors; an ``Output`` stands for its op."""
    found: dict[int, Node] = {}
    stack = [tensor._node for tensor in tensors]
    while stack:
        node = stack.pop()
        if isinstance(node, Output):
            node = node.edges[0]
        if node is not None and id(node) not in found:
            found[id(node)] = node
            stack.extend(node.edges)
    return list(found.values())


def _leaf(number: int, node: AccumulateGrad, names: dict[int, str]) -> GraphNode:
    leaf = node.variable
    name = names.get(id(leaf), "")
    dtype = "" if leaf is None else str(leaf.dtype).rpartition(".")[2]
    kind = "parameter" if name else "leaf"
    made = GraphNode(number, name or "leaf", kind, tuple(node.shape), dtype, node=node)
    made.module = name.rpartition(".")[0]
    return made


def _op(number: int, node: Node, numbers: dict[int, int], known: Recording) -> GraphNode:
    value = known.value(node)
    several = bool(node.shape) and isinstance(node.shape[0], tuple)
    arguments = node.op.inputs if node.op is not None else ()
    inputs = []
    for place, edge in enumerate(node.edges):
        if edge is not None:
            owner_node = edge.edges[0] if isinstance(edge, Output) else edge
            name = arguments[min(place, len(arguments) - 1)] if arguments else str(place)
            inputs.append((name, numbers[id(owner_node)]))
    return GraphNode(
        number,
        _name(node),
        "op",
        tuple(node.shape[0] if several else node.shape),
        _saved_dtype(node) if value is None else value.dtype,
        inputs,
        tuple(_saved(node)),
        line_of(node.code, node.lasti),
        known.call(node),
        value=value,
        node=node,
    )


def _name(node: Node) -> str:
    """What people call the op: as torch's function."""
    return type(node).__name__ if node.op is None else node.op.called or node.op.name


def _saved(node: Node) -> Iterator[Saved]:
    if node.op is None:  # a user's Function
        for place, array in enumerate(saved_arrays(node)):
            yield Saved(f"saved {place}", tuple(array.shape), array.nbytes, ())
        return
    if node.saved is FREED:
        return
    for name, wanted, value in zip(node.op.saves, node.op.wanted_by, node.saved, strict=True):
        for array in _arrays(value):
            asks = tuple(node.op.inputs[i] for i in wanted if node.edges[i] is not None)
            yield Saved(name, tuple(array.shape), array.nbytes, asks)


def saved_arrays(node: Node | None) -> Iterator[Any]:
    """The arrays that a node keeps; none once it is freed."""
    if node is not None and isinstance(node.saved, (tuple, list)):
        for value in node.saved:
            yield from _arrays(value)


def _arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for inner in value:
            yield from _arrays(inner)
    elif isinstance(value, Parcel):
        yield from _arrays(value.content)
    elif hasattr(value, "_array"):
        yield value._array
    elif hasattr(value, "nbytes") and hasattr(value, "base"):
        yield value


def owner(array: Any) -> Any:
    """The array that owns the memory of a view."""
    while hasattr(array.base, "nbytes") and hasattr(array.base, "base"):
        array = array.base
    return array


def _saved_dtype(node: Node) -> str:
    """The dtype of an output that is among what was saved."""
    if node.op is not None and "out" in node.op.saves and node.saved is not FREED:
        array = node.saved[node.op.saves.index("out")]
        return getattr(getattr(array, "dtype", None), "name", "")
    return ""


def _dtype_of(made: GraphNode, nodes: list[GraphNode]) -> str:
    """That of the arguments, where they agree: nearly all ops keep it."""
    found = {nodes[number].dtype for _, number in made.inputs}
    return found.pop() if len(found) == 1 else ""


def _owner(made: GraphNode, nodes: list[GraphNode]) -> str:
    """The module whose parameters an op uses."""
    return next((nodes[n].module for _, n in made.inputs if nodes[n].kind == "parameter"), "")
