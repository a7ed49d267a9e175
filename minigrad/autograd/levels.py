"""A level of differentiation: what a transform of functions records, and what it gives away again.

A tensor enters a level as a new tensor of the graph at the same memory. A tensor that leaves it
keeps its graph if that leads to anything born before the level (the user's own tensors, or those
of an outer transform), and is a constant if it leads to the level's inputs only. So transforms
nest although no tensor knows at which level it lives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.autograd.apply import edge_of, make
from minigrad.autograd.grad import grad
from minigrad.autograd.graph import Node, storage_of, tick
from minigrad.autograd.modes import is_grad_enabled
from minigrad.autograd.tensor_base import TensorBase


class Level:
    """One application of a transform."""

    def __init__(self) -> None:
        self.recorded_outside = is_grad_enabled()
        self.birth = tick()
        self.inside: set[Node] = set()  # nodes that are known to lead to this level's inputs only

    def enter(self, tensor: Any) -> Any:
        """A tensor as an input of this level; it leads on to the given one if that has a graph."""
        if not isinstance(tensor, TensorBase):
            raise ValueError(
                f"Thing passed to transform API must be Tensor, got {type(tensor).__name__}"
            )
        given: Any = tensor
        if self.recorded_outside and edge_of(given) is not None:
            return given.view_as(given)
        return given.detach().requires_grad_()

    def writable(self, entered: Any) -> Any:
        """An input under another name, as the result of an op: it may be written in place."""
        alias = make(entered._array, entered.view_as(entered)._node)
        alias._storage = storage_of(entered)
        return alias

    def leave(self, value: Any) -> Any:
        """A tensor as it is seen outside; anything else stays."""
        if not isinstance(value, TensorBase) or self.leads_outside(value):
            return value
        return value.detach()  # type: ignore[attr-defined]

    def leads_outside(self, tensor: Any) -> bool:
        """Whether the graph of a tensor reaches anything that was there before this level."""
        edge = edge_of(tensor)
        if edge is None or not self.recorded_outside:
            return False
        seen: set[Node] = set()
        stack: list[Node] = [edge]
        while stack:
            node = stack.pop()
            if node.seq < self.birth:
                return True
            if node not in seen and node not in self.inside:
                seen.add(node)
                stack.extend([e for e in node.edges if e is not None])
        self.inside |= seen
        return False


def grads_of(
    outputs: Sequence[Any],
    inputs: Sequence[Any],
    weights: Sequence[Any] | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> tuple[Any, ...]:
    """``grad`` that passes over outputs without a graph; None where an input was not used."""
    weights = [None] * len(outputs) if weights is None else weights
    pairs = [
        (out, weight)
        for out, weight in zip(outputs, weights, strict=True)
        if out is not None and edge_of(out) is not None
    ]
    if not pairs or not inputs:
        return (None,) * len(inputs)
    return tuple(
        grad(
            [out for out, _ in pairs],
            inputs,
            [weight for _, weight in pairs],
            create_graph=create_graph,
            retain_graph=retain_graph,
            allow_unused=True,
        )
    )


def zeros_like(tensor: Any, requires_grad: bool = False) -> Any:
    """Zeros of a tensor's shape and dtype."""
    return tensor.new_zeros(tensor.shape).requires_grad_(requires_grad)
