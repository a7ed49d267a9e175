"""Who keeps which bytes for backward, and what a checkpoint would save; graphs that do not die."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from minigrad.autograd.graph import FREED, AccumulateGrad, Node, source_line, tick
from minigrad.inspect.drawn import size_text
from minigrad.inspect.graph_model import Graph, GraphNode, graph, owner, saved_arrays
from minigrad.inspect.recording import Recording

__all__ = ["Holding", "Ledger", "assert_frees_graph", "memory_ledger"]


@dataclass(frozen=True)
class Holding:
    """What the ops of one module keep.

    >>> Holding("0", "ReLU", 12, (("relu: out", 12),), 0).bytes
    12
    """

    module: str
    kind: str
    bytes: int  # each memory once, where it is kept first; parameters not counted
    saved_for: tuple[tuple[str, int], ...]  # "relu: out", bytes; the largest first
    by_checkpoint: int  # bytes that checkpointing the module would save: all but its input


@dataclass(frozen=True)
class Ledger:
    """The holdings of a graph, in the order of forward; its text is a table.

    >>> Ledger((), 0).bytes
    0
    """

    holdings: tuple[Holding, ...]
    bytes: int

    def __str__(self) -> str:
        rows = [("module", "kept", "so far", "a checkpoint saves", "mostly")]
        total = 0
        for holding in self.holdings:
            total += holding.bytes
            mostly = ", ".join(f"{what} {size_text(n)}" for what, n in holding.saved_for[:3])
            rows.append(
                (
                    f"{holding.module or '(outside)'} {holding.kind and f'({holding.kind})'}",
                    size_text(holding.bytes),
                    size_text(total),
                    size_text(holding.by_checkpoint) if holding.by_checkpoint else "-",
                    mostly,
                )
            )
        widths = [max(len(row[place]) for row in rows) for place in range(5)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )


def memory_ledger(root: Any, recording: Recording, depth: int = 1) -> Ledger:
    """What the graph of a tensor keeps, by the modules at a depth.

    ``recording`` is of the forward, made with ``record(model)``.

    Raises: ValueError for a tensor without a graph.

    >>> import minigrad as torch
    >>> from minigrad import inspect, nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> with inspect.record(net) as recording:
    ...     loss = net(torch.ones(16, 4)).sum()
    >>> print(inspect.memory_ledger(loss, recording))
    module      kept   so far  a checkpoint saves  mostly
    0 (Linear)  256 B  256 B   -                   linear: input 256 B
    1 (ReLU)    512 B  768 B   -                   relu: out 512 B
    """
    shown = graph(root, recording)
    parameters = {id(owner(p._array)) for p in recording.names.values()}
    seen = set(parameters)
    groups: dict[Any, list[tuple[GraphNode, list[Any]]]] = {}
    for node in shown:
        arrays = []
        for array in saved_arrays(node.node):
            block = owner(array)
            if id(block) not in seen:
                seen.add(id(block))
                arrays.append(block)
        if node.kind == "op":
            call = None if node.call is None else node.call.within(depth)
            groups.setdefault(call, []).append((node, arrays))
    holdings = tuple(
        _holding(call, members, shown)
        for call, members in groups.items()
        if any(arrays for _, arrays in members)
    )
    return Ledger(holdings, sum(holding.bytes for holding in holdings))


def _holding(call: Any, members: list[tuple[GraphNode, list[Any]]], shown: Graph) -> Holding:
    purposes: dict[str, int] = {}
    for node, arrays in members:
        blocks = {id(array): array.nbytes for array in arrays}
        saved = node.node.saved if node.node is not None else ()
        names = node.node.op.saves if node.node is not None and node.node.op is not None else ()
        for name, value in zip(names, saved, strict=False):
            size = blocks.pop(id(owner(value)), 0) if hasattr(value, "base") else 0
            if size:
                purposes[f"{node.name}: {name}"] = purposes.get(f"{node.name}: {name}", 0) + size
        for size in blocks.values():
            purposes[node.name] = purposes.get(node.name, 0) + size
    total = sum(purposes.values())
    first = members[0][0]
    takes = [shown.nodes[n] for _, n in first.inputs if shown.nodes[n].kind != "parameter"]
    kept_input = sum(_size(node) for node in takes) if takes else total
    several = call is not None and len(members) > 1
    return Holding(
        "" if call is None else call.path,
        "" if call is None else call.kind,
        total,
        tuple(sorted(purposes.items(), key=lambda pair: -pair[1])),
        max(0, total - kept_input) if several else 0,
    )


def _size(node: GraphNode) -> int:
    count = 1
    for side in node.shape:
        count *= side
    return count * {"float64": 8, "float16": 2, "bfloat16": 2}.get(node.dtype, 4)


@contextmanager
def assert_frees_graph() -> Generator[None, None, None]:
    """Assert that no graph made in a block outlives it: for tests of training loops.

    Raises: AssertionError that names the nodes that live on, and the lines that made them.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> w, losses = torch.ones(1, requires_grad=True), []
    >>> with inspect.assert_frees_graph():
    ...     loss = (w * 2).sum(); loss.backward(); losses.append(loss.item()); del loss
    >>> with inspect.assert_frees_graph():
    ...     losses.append((w * 2).sum())
    Traceback (most recent call last):
    ...
    AssertionError: 2 nodes of the graph live on, for something holds a tensor of it: ...
    """
    began = tick()
    yield
    gc.collect()
    alive = [
        node
        for node in gc.get_objects()
        if issubclass(type(node), Node)
        and not isinstance(node, AccumulateGrad)
        and node.seq > began
        and node.saved is not FREED
    ]
    if alive:
        alive.sort(key=lambda node: -node.seq)
        few = ", ".join(f"{n.name()} of {source_line(n.code, n.lasti)}" for n in alive[:3])
        raise AssertionError(
            f"{len(alive)} nodes of the graph live on, for something holds a tensor of it: {few}. "
            "Keep numbers (item()) or detached tensors"
        )
