"""Walks over a graph before a sweep: what lies on the way, and how often leaves are used."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.graph import AccumulateGrad, Node

Cotangents = dict[int, tuple[Node, Any]]  # by birth: the node, and its cotangent so far


def paths_to(roots: Cotangents, targets: set[Node]) -> set[int]:
    """The births of all nodes that lie on a path from a root to a target."""
    oldest = min((t.seq for t in targets), default=0)
    seen: dict[int, Node] = {}
    stack = [node for node, _ in roots.values()]
    while stack:
        node = stack.pop()
        if node.seq in seen or node.seq < oldest:
            continue
        seen[node.seq] = node
        stack.extend(edge for edge in node.edges if edge is not None)
    needed: set[int] = set()
    for seq in sorted(seen):  # arguments before the calls that used them
        node = seen[seq]
        if node in targets or any(e is not None and e.seq in needed for e in node.edges):
            needed.add(seq)
    return needed


def uses_of_leaves(roots: Cotangents, needed: set[int] | None) -> dict[int, list[Any]]:
    """By birth: a leaf, how many gradients it waits for, and their sum so far.

    Where leaves have hooks, they run as soon as their gradients are whole, as in torch; else nobody
    sees it, and the order of birth is kept.
    """
    uses: dict[int, list[Any]] = {}
    seen: set[int] = set(roots)
    stack = [node for node, _ in roots.values()]
    while stack:
        for edge in stack.pop().edges:
            if edge is None or (needed is not None and edge.seq not in needed):
                continue
            if isinstance(edge, AccumulateGrad):
                uses.setdefault(edge.seq, [edge, 0, None])[1] += 1
            elif edge.seq not in seen:
                seen.add(edge.seq)
                stack.append(edge)
    for seq in roots:  # has a gradient of its own
        uses.pop(seq, None)
    return uses
