"""Modules in the place of the ops that they ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.inspect.calls import ModuleCall

if TYPE_CHECKING:
    from minigrad.inspect.graph_model import Graph, GraphNode

__all__ = ["collapsed"]


def collapsed(graph: Graph, depth: int, expand: tuple[str, ...]) -> Graph:
    """A graph with the calls of modules at a depth as single nodes."""
    from minigrad.inspect.graph_model import Graph, GraphNode

    groups = _groups(graph, depth, expand)
    members: dict[int, list[GraphNode]] = {}
    for node in graph:
        members.setdefault(groups[node.number], []).append(node)
    order = sorted(members.values(), key=lambda nodes: nodes[-1].number)
    numbers = {n.number: place for place, nodes in enumerate(order) for n in nodes}
    made: list[GraphNode] = []
    for place, nodes in enumerate(order):
        last = nodes[-1]
        call = _call_at(last, depth) if len(nodes) > 1 else None
        inputs = {
            (name if len(nodes) == 1 else "", numbers[number])
            for node in nodes
            for name, number in node.inputs
            if numbers[number] != place
        }
        made.append(
            GraphNode(
                place,
                last.name if call is None else f"{call.path} ({call.kind})",
                last.kind if call is None else "module",
                last.shape,
                last.dtype,
                sorted(inputs, key=lambda pair: pair[1]),
                tuple(saved for node in nodes for saved in node.saved),
                last.line,
                last.call if call is None else call,
                last.module if call is None else call.path,
                last.value,
                last.node if call is None else None,
            )
        )
    return Graph(made)


def _call_at(node: GraphNode, depth: int) -> ModuleCall | None:
    return None if node.call is None else node.call.within(depth)


def _groups(graph: Graph, depth: int, expand: tuple[str, ...]) -> dict[int, int]:
    """The group of each node, by number: one for each call of a module at that depth.

    Parameters that one group alone uses are part of it. A group that something else stands inside
    of (a value that leaves a module and comes back) stays as it is, for arrows would run in a ring.
    """
    calls: dict[int, int] = {}  # the first node of each
    groups: dict[int, int] = {}
    for node in graph:
        call = _call_at(node, depth)
        if call is not None and call.depth == depth and call.path not in expand:
            groups[node.number] = calls.setdefault(id(call), node.number)
        else:
            groups[node.number] = node.number
    users: dict[int, set[int]] = {}
    for node in graph:
        for _, number in node.inputs:
            users.setdefault(number, set()).add(groups[node.number])
    modules = set(calls.values())
    for node in graph:
        using = users.get(node.number, set())
        if not node.inputs and len(using) == 1 and using <= modules:
            (groups[node.number],) = using
    return _without_rings(graph, groups)


def _without_rings(graph: Graph, groups: dict[int, int]) -> dict[int, int]:
    """Take apart the groups through which an arrow would come back to where it began."""
    while True:
        below: dict[int, set[int]] = {}
        for node in graph:
            mine = groups[node.number]
            sources = {groups[n] for _, n in node.inputs} - {mine}
            below.setdefault(mine, set()).update(sources)
        waiting = {group: len(sources) for group, sources in below.items()}
        ready = [group for group, count in waiting.items() if not count]
        for group in ready:
            for other, sources in below.items():
                if group in sources:
                    waiting[other] -= 1
                    if not waiting[other]:
                        ready.append(other)
        stuck = {group for group, count in waiting.items() if count}
        if not stuck:
            return groups
        groups = {n: n if group in stuck else group for n, group in groups.items()}
