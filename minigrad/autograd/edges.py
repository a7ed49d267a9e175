"""Talking about places in the graph: the edge of a tensor, hooks on several, versions.

Source: https://docs.pytorch.org/docs/stable/autograd.html#module-torch.autograd.graph
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

from minigrad.autograd.apply import edge_of
from minigrad.autograd.engine import Reading, current_sweep
from minigrad.autograd.graph import GradientEdge, Hooks, Node, Output, RemovableHandle, storage_of
from minigrad.autograd.paths import paths_to
from minigrad.autograd.tensor_base import TensorBase


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """The place in the graph where the gradient of a tensor is computed.

    ``autograd.grad`` and ``autograd.backward`` take it in the tensor's stead, which then need not
    be kept alive.

    >>> import minigrad as torch
    >>> x = torch.tensor(3., requires_grad=True)
    >>> y = x * x
    >>> edge = torch.autograd.graph.get_gradient_edge(y)
    >>> torch.autograd.grad(y.exp().log(), edge)
    (tensor(1.),)
    """
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    if isinstance(edge, Output):
        owner = edge.edges[0]
        assert owner is not None
        return GradientEdge(owner, edge.index, edge)
    return GradientEdge(edge, 0)


def increment_version(tensor: Any) -> None:
    """Say that a tensor (or each of several) was written by means that minigrad cannot see.

    >>> import minigrad as torch
    >>> x = torch.ones(2)
    >>> torch.autograd.graph.increment_version(x); x._version
    1
    """
    one_only = isinstance(tensor, TensorBase) or not isinstance(tensor, Iterable)
    for one in (tensor,) if one_only else tensor:
        if not isinstance(one, TensorBase):
            raise RuntimeError(f"increment_version: expected tensors, got {type(one).__name__}")
        if not storage_of(one).inference:
            storage_of(one).write()


class _MultiHandle(RemovableHandle):
    """One handle for several hooks."""

    __module__ = "minigrad.autograd.graph"  # where torch's stands

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Take all of them away."""
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Any], fn: Callable[[Any], Any], *, mode: str = "all"
) -> RemovableHandle:
    """Call ``fn`` once in each backward: with all gradients of the tensors, or with the first.

    ``"all"`` waits for those tensors that take part in this backward, and gives None for the rest.

    >>> import minigrad as torch
    >>> a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    >>> handle = torch.autograd.graph.register_multi_grad_hook([a, b], print)
    >>> (a + 2 * b).sum().backward()
    [tensor([1.]), tensor([2.])]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        ran: WeakKeyDictionary[Reading, bool] = WeakKeyDictionary()

        def first(gradient: Any) -> None:
            sweep = current_sweep()
            if sweep not in ran:
                ran[sweep] = True
                fn(gradient)

        wanted = [t for t in tensors if edge_of(t) is not None]
        return _MultiHandle([t.register_hook(first) for t in wanted])

    Hooks.watched = True
    # By sweep: the gradients so far, and how many are still to come.
    arrived: WeakKeyDictionary[Reading, list[Any]] = WeakKeyDictionary()
    nodes = [_weakly(edge_of(t)) for t in tensors]  # a hook may not keep the graph alive

    def collector(index: int) -> Callable[[Any], None]:
        def collect(gradient: Any) -> None:
            sweep = current_sweep()
            if sweep not in arrived:
                arrived[sweep] = [sum(will_run(n(), sweep) for n in nodes), [None] * len(nodes)]
            state = arrived[sweep]
            state[0] -= 1
            state[1][index] = gradient
            if state[0] == 0:
                del arrived[sweep]
                fn(state[1])

        return collect

    return _MultiHandle([t.register_hook(collector(i)) for i, t in enumerate(tensors)])


def _weakly(node: Node | None) -> Callable[[], Node | None]:
    return (lambda: None) if node is None else ref(node)


def will_run(node: Node | None, sweep: Reading) -> bool:
    """Whether a node takes part in a sweep."""
    if node is None:
        return False
    if sweep.needed is not None:
        return node.seq in sweep.needed
    return node.seq in paths_to({root.seq: (root, None) for root in sweep.roots}, {node})


__all__ = ["get_gradient_edge", "increment_version", "register_multi_grad_hook"]
