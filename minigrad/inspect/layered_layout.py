"""Places the boxes of an acyclic graph in layers, so that all edges point down and few cross.

The steps are those of Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical
system structures", 1981: layer, bend long edges at every layer, order each layer by the mean place
of its neighbours, then move boxes sideways to straighten the edges.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

_GAP_X, _GAP_Y = 26.0, 34.0
_SWEEPS = 24
_NEAR = 4  # layers: users that are farther apart get copies of a leaf
_LIMIT = 20_000  # boxes and bends
_CHARACTER = 7.4  # width of an average one in the 13 px font


@dataclass
class Box:
    """A node to place; ``sources`` are the indices of the boxes whose values it uses."""

    label: str
    detail: str = ""
    kind: str = "op"
    note: str = ""
    number: int = -1  # of what it stands for; copies of a leaf have the same
    sources: list[int] = field(default_factory=list)
    x: float = 0.0  # centre
    y: float = 0.0

    @property
    def width(self) -> float:
        """Enough for the longer of the two lines; a bend in an edge has none."""
        return 0.0 if self.is_bend else 24 + _CHARACTER * max(len(self.label), len(self.detail))

    @property
    def height(self) -> int:
        """Room for one or two lines."""
        return 0 if self.is_bend else 40 if self.detail else 30

    @property
    def is_bend(self) -> bool:
        """Whether this is only a point where a long edge passes a layer."""
        return self.kind == "bend"


@dataclass
class Layout:
    """Placed boxes, and edges as points from the source's bottom to the user's top."""

    boxes: list[Box]
    edges: list[list[tuple[float, float]]]
    width: float
    height: float


def layered_layout(boxes: list[Box]) -> Layout:
    """Place boxes; the first is the result and comes last, at the bottom.

    A leaf whose users are far apart, such as a weight used at every time step, is drawn anew near
    them. Raises ValueError for a graph with too many long edges to be drawn.

    >>> layout = layered_layout([Box("y", sources=[1, 2]), Box("a", sources=[2]), Box("x")])
    >>> [box.label for box in sorted(layout.boxes, key=lambda box: box.y)]
    ['x', 'a', 'y']
    """
    boxes = _repeat_leaves(boxes)
    depth = _depths(boxes)
    everything, chains = _bend_long_edges(boxes, depth)
    layers: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for i, level in enumerate(depth):
        layers[level].append(i)
    above, below = _neighbours(len(everything), chains)
    _order(layers, above, below)
    _place(everything, layers, above, below)
    left = min(box.x - box.width / 2 for box in everything)
    for box in everything:
        box.x -= left
    return Layout(
        boxes=boxes,
        edges=[_points([everything[i] for i in chain]) for chain in chains],
        width=max(box.x + box.width / 2 for box in everything),
        height=boxes[0].y + boxes[0].height / 2,
    )


def _depths(boxes: list[Box]) -> list[int]:
    """Longest way from the result: a source lies in a layer above all that use it."""
    users = [0] * len(boxes)
    for box in boxes:
        for source in box.sources:
            users[source] += 1
    depth, ready = [0] * len(boxes), [0]
    for i in ready:
        for source in boxes[i].sources:
            depth[source] = max(depth[source], depth[i] + 1)
            users[source] -= 1
            if not users[source]:
                ready.append(source)
    return depth


def _repeat_leaves(boxes: list[Box]) -> list[Box]:
    """Copy each leaf for users that are more than _NEAR layers below its last copy's first user."""
    depth = _depths(boxes)
    boxes = [replace(box, sources=list(box.sources)) for box in boxes]
    latest: dict[int, tuple[int, int]] = {}  # leaf: depth of the copy's first user, the copy
    for user in sorted(range(len(boxes)), key=depth.__getitem__, reverse=True):
        for place, leaf in enumerate(boxes[user].sources):
            if boxes[leaf].sources:
                continue
            first, copy = latest.setdefault(leaf, (depth[user], leaf))
            if first - depth[user] > _NEAR:
                copy = len(boxes)
                boxes.append(replace(boxes[leaf]))
                latest[leaf] = depth[user], copy
            boxes[user].sources[place] = copy
    return boxes


def _bend_long_edges(boxes: list[Box], depth: list[int]) -> tuple[list[Box], list[list[int]]]:
    """Each edge as a chain of indices from source to user, one per layer; ``depth`` grows along."""
    everything = list(boxes)
    chains = []
    for user, box in enumerate(boxes):
        for source in dict.fromkeys(box.sources):  # x * x is one line
            chain = [source]
            for level in range(depth[source] - 1, depth[user], -1):
                chain.append(len(everything))
                everything.append(Box("", kind="bend"))
                depth.append(level)
            chains.append([*chain, user])
        if len(everything) > _LIMIT:
            raise ValueError("the graph has too many edges that pass many others to be drawn")
    return everything, chains


def _neighbours(count: int, chains: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for chain in chains:
        for source, user in itertools.pairwise(chain):
            above[user].append(source)
            below[source].append(user)
    return above, below


def _order(layers: list[list[int]], above: list[list[int]], below: list[list[int]]) -> None:
    """Sort each layer by the mean rank of its neighbours, walking up and down in turn."""
    rank = {i: float(r) for layer in layers for r, i in enumerate(layer)}
    for sweep in range(_SWEEPS):
        upward = sweep % 2 == 0
        neighbours = below if upward else above
        for layer in layers if upward else reversed(layers):
            mean = {
                i: sum(rank[j] for j in neighbours[i]) / len(neighbours[i])
                if neighbours[i]
                else rank[i]
                for i in layer
            }
            layer.sort(key=mean.__getitem__)
            rank.update((i, float(r)) for r, i in enumerate(layer))


def _place(
    boxes: list[Box], layers: list[list[int]], above: list[list[int]], below: list[list[int]]
) -> None:
    """Rows from the top; in each row the places nearest to the neighbours that leave the gaps."""
    y = 0.0
    for layer in reversed(layers):
        tallest = max(boxes[i].height for i in layer) or 30
        for i in layer:
            boxes[i].y = y + tallest / 2
        y += tallest + _GAP_Y
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted, weights = [], []
            for i in layer:
                pulls = [(boxes[j].x, _pull(boxes[i], boxes[j])) for j in above[i] + below[i]]
                weight = sum(w for _, w in pulls)
                wanted.append(sum(x * w for x, w in pulls) / weight)
                weights.append(weight)
            _spread([boxes[i] for i in layer], wanted, weights)


def _pull(one: Box, other: Box) -> float:
    """How much an edge wants to be straight: bends most, then chains of ops, leaves least."""
    if one.is_bend and other.is_bend:
        return 8.0
    return 2.0 if one.sources and other.sources else 0.25


def _spread(row: list[Box], wanted: list[float], weights: list[float]) -> None:
    """Least-squares places without overlap, by pooling neighbours that would collide."""
    offset, offsets = 0.0, []
    for box, following in zip(row, [*row[1:], row[-1]], strict=True):
        offsets.append(offset)
        offset += (box.width + following.width) / 2 + _GAP_X
    pools: list[tuple[float, float, int]] = []  # mean, weight, boxes
    for target, shift, weight in zip(wanted, offsets, weights, strict=True):
        mean, size = target - shift, 1
        while pools and pools[-1][0] > mean:
            before, heavy, many = pools.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)
            weight, size = heavy + weight, size + many
        pools.append((mean, weight, size))
    places = (mean for mean, _, size in pools for _ in range(size))
    for box, place, shift in zip(row, places, offsets, strict=True):
        box.x = place + shift


def _points(chain: list[Box]) -> list[tuple[float, float]]:
    first, *bends, last = chain
    return [
        (first.x, first.y + first.height / 2),
        *((bend.x, bend.y) for bend in bends),
        (last.x, last.y - last.height / 2),
    ]
