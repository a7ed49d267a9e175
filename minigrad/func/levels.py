"""What the transforms of functions share: levels for trees of tensors, and arguments by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.autograd.levels import Level, grads_of
from minigrad.functions import zeros_like
from minigrad.tensor import Tensor
from minigrad.utils._pytree import tree_leaves, tree_map


class TreeLevel(Level):
    """A level that trees of tensors enter and leave."""

    def enter(self, tree: Any) -> Any:
        """The tensors of a tree as inputs of this level."""
        return tree_map(super().enter, tree)

    def leave(self, tree: Any) -> Any:
        """The tensors of a tree as they are seen outside."""
        return tree_map(super().leave, tree)


def gradients(
    outputs: Sequence[Any],
    inputs: Sequence[Any],
    weights: Sequence[Any] | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> list[Any]:
    """The gradients of those outputs that have a graph; zeros where an input was not used."""
    found = grads_of(outputs, inputs, weights, create_graph, retain_graph)
    return [zeros_like(t) if g is None else g for g, t in zip(found, inputs, strict=True)]


def numbered(argnums: Any, count: int) -> tuple[int, ...]:
    """The positions of the arguments to differentiate by, checked."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    wanted = (argnums,) if isinstance(argnums, int) else argnums
    if not wanted:
        raise RuntimeError("argnums must be non-empty")
    found = []
    for number in wanted:
        if not isinstance(number, int):
            raise RuntimeError(f"argnum must be int, got: {type(number)}")
        if not -count <= number < count:
            raise RuntimeError(f"Got argnum={number}, but only {count} positional inputs")
        found.append(number % count)
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return tuple(found)


def replaced(args: Sequence[Any], positions: Sequence[int], new: Sequence[Any]) -> list[Any]:
    """Arguments, with new ones at some positions."""
    whole = list(args)
    for position, value in zip(positions, new, strict=True):
        whole[position] = value
    return whole


def with_aux(result: Any, has_aux: bool, name: str) -> tuple[Any, Any]:
    """What a function returned, as the output and what goes along undifferentiated."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(
            f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return result


def only_tensors(tree: Any, name: str) -> list[Any]:
    """The leaves of what a function returned, all of which must be tensors."""
    leaves = tree_leaves(tree)
    if not leaves or (len(leaves) == 1 and leaves[0] is None):
        raise RuntimeError(
            f"{name}: Expected f to be a function that has non-empty output (got output = {leaves})"
        )
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(
                f"{name}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(leaf)}"
            )
    return leaves
