"""Nested containers as one: the leaves of lists, tuples and dictionaries, out and back in.

Source: torch's ``torch.utils._pytree``, whose names these are.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

# How a kind of container is taken apart, into parts and context, and put together again.
Flatten = Callable[[Any], tuple[list[Any], Any]]
Unflatten = Callable[[Any, Any], Any]
CONTAINERS: dict[type, tuple[Flatten, Unflatten]] = {}


def register_pytree_node(cls: type, flatten_fn: Flatten, unflatten_fn: Unflatten) -> None:
    """Let a class count as a container: how to take it apart and how to put it together."""
    CONTAINERS[cls] = (flatten_fn, unflatten_fn)


def _of_pairs(kind: Callable[[Any], Any]) -> Unflatten:
    return lambda parts, keys: kind(zip(keys, parts, strict=True))


def _take_dict(tree: Any) -> tuple[list[Any], Any]:
    return list(tree.values()), list(tree.keys())


register_pytree_node(list, lambda t: (list(t), None), lambda parts, _: list(parts))
register_pytree_node(tuple, lambda t: (list(t), None), lambda parts, _: tuple(parts))
register_pytree_node(dict, _take_dict, _of_pairs(dict))
register_pytree_node(OrderedDict, _take_dict, _of_pairs(OrderedDict))
register_pytree_node(
    defaultdict,
    lambda t: (list(t.values()), (t.default_factory, list(t.keys()))),
    lambda parts, context: defaultdict(context[0], zip(context[1], parts, strict=True)),
)
register_pytree_node(
    deque, lambda t: (list(t), t.maxlen), lambda parts, maxlen: deque(parts, maxlen)
)


def _container(tree: Any) -> tuple[Flatten, Unflatten] | None:
    cls = type(tree)
    if isinstance(tree, tuple) and hasattr(cls, "_fields"):
        return lambda t: (list(t), None), lambda parts, _: cls(*parts)
    return CONTAINERS.get(cls)


@dataclass(frozen=True)
class TreeSpec:
    """The shape of a tree without its leaves; a leaf has no container."""

    type: type | None
    context: Any
    children: tuple[TreeSpec, ...]
    build: Unflatten | None = None

    @property
    def num_leaves(self) -> int:
        """How many leaves there are."""
        return 1 if self.type is None else sum(child.num_leaves for child in self.children)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeSpec) and (self.type, self.context, self.children) == (
            other.type,
            other.context,
            other.children,
        )


LEAF = TreeSpec(None, None, ())
IsLeaf = Callable[[Any], bool] | None


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves of a tree in order, and its shape.

    >>> tree_flatten({"a": 1, "b": (2, [3])})[0]
    [1, 2, 3]
    """
    kind = _container(tree)
    if kind is None or (is_leaf is not None and is_leaf(tree)):
        return [tree], LEAF
    parts, context = kind[0](tree)
    leaves, children = [], []
    for part in parts:
        below, spec = tree_flatten(part, is_leaf)
        leaves += below
        children.append(spec)
    return leaves, TreeSpec(type(tree), context, tuple(children), kind[1])


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """A tree of the given shape with these leaves.

    >>> tree_unflatten([4, 5, 6], tree_flatten({"a": 1, "b": (2, [3])})[1])
    {'a': 4, 'b': (5, [6])}
    """
    source = list(leaves)
    if len(source) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten: expected {treespec.num_leaves} leaves, got {len(source)}"
        )
    return _built(iter(source), treespec)


def _built(source: Any, spec: TreeSpec) -> Any:
    if spec.build is None:
        return next(source)
    return spec.build([_built(source, child) for child in spec.children], spec.context)


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of a tree in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """The shape of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """The tree of what a function returns for each leaf (and its fellows in further trees).

    >>> tree_map(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
    {'x': [11, 22]}
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves]
    for other in rests:
        below, shape = tree_flatten(other, is_leaf)
        if shape != spec:
            raise ValueError(f"tree_map: expected trees of one shape, got {tree!r} and {other!r}")
        columns.append(below)
    return tree_unflatten([func(*row) for row in zip(*columns, strict=True)], spec)


def tree_map_only(kind: Any, func: Callable[[Any], Any], tree: Any) -> Any:
    """``tree_map`` for leaves of a type; the others stay."""
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, kind) else leaf, tree)


def broadcast_prefix(prefix: Any, tree: Any) -> list[Any]:
    """One value of a coarser tree for each leaf of a finer one: its own, or that of a branch.

    >>> broadcast_prefix((0, None), ([7, 8], 9))
    [0, 0, None]
    """
    kind, inner = _container(tree), _container(prefix)
    if inner is None:
        return [prefix] * len(tree_leaves(tree))
    if kind is None or type(tree) is not type(prefix):
        raise ValueError(f"expected a tree that begins like {tree!r}, got {prefix!r}")
    (parts, context), (values, other) = kind[0](tree), inner[0](prefix)
    if context != other or len(parts) != len(values):
        raise ValueError(f"expected a tree that begins like {tree!r}, got {prefix!r}")
    found: list[Any] = []
    for value, part in zip(values, parts, strict=True):
        found += broadcast_prefix(value, part)
    return found


__all__ = [
    "TreeSpec",
    "broadcast_prefix",
    "register_pytree_node",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]
